// Asks ./nightshift serve. See the README of this folder.
import type { Logger } from '@medusajs/framework/types';

export interface Options {
    url: string; // where ./nightshift serve answers
    key: string; // of a backend: ./nightshift serve --new-key medusa
    patienceMs?: number;
}
export interface Row { product_id: string; score?: number; reason?: string }
export interface Posted {
    event_id: string; kind: string; occurred_at: string; customer_id?: string; session_id?: string; product_id?: string; query?: string;
    results?: number; list?: string; position?: number; search_id?: string;
}

export default class NightshiftService {
    protected logger: Logger;

    constructor({ logger }: { logger: Logger }, protected options: Options) {
        this.logger = logger;
    }

    /** The rows of a list, best first. */
    async list(route: 'recommend' | 'similar' | 'basket', params: Array<[string, string]>): Promise<Row[]> {
        return (await this.ask(`/v1/${route}?${new URLSearchParams(params)}`))?.rows ?? [];
    }

    /** Post events; how many are new. */
    async post(events: Posted[]): Promise<number> {
        return (await this.ask('/v1/events', { method: 'POST', body: JSON.stringify({ events }) }))?.new ?? 0;
    }

    /** Nightshift's answer; undefined if there is none in time: a page of the shop never waits for it, nor fails. */
    private async ask(path: string, request: RequestInit = {}): Promise<any> {
        const { url, key, patienceMs } = this.options;
        const headers = { 'X-API-Key': key, 'Content-Type': 'application/json' };
        try {
            const answer = await fetch(url + path, { ...request, headers, signal: AbortSignal.timeout(patienceMs ?? 500) });
            if (answer.ok) return await answer.json();
            this.logger.warn(`Nightshift: ${path.split('?')[0]}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
        } catch (error) {
            this.logger.warn(`Nightshift: ${path.split('?')[0]}: ${error}`);
        }
    }
}
