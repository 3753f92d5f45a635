// POST /store/nightshift/events {"session": "…", "events": [{"kind": "view", "product_id": "…"}]}: view, cart, wish, search, shown, clicked.
import { createHash, randomUUID } from 'crypto';
import { type AuthenticatedMedusaRequest, type MedusaResponse, authenticate } from '@medusajs/framework/http';
import { NIGHTSHIFT } from '../../../../modules/nightshift';
import type NightshiftService from '../../../../modules/nightshift/service';
import type { Posted } from '../../../../modules/nightshift/service';

export const AUTHENTICATE = false;

export async function POST(req: AuthenticatedMedusaRequest<{ session?: string; events?: Partial<Posted>[] }>, res: MedusaResponse) {
    await new Promise((done) => authenticate('customer', ['bearer', 'session'], { allowUnauthenticated: true })(req, res, done as any));
    const { session, events = [] } = req.body ?? {};
    const nightshift: NightshiftService = req.scope.resolve(NIGHTSHIFT);
    const fresh = await nightshift.post(events.map(({ event_id, kind = '', product_id, query, results, list, position, search_id }) => ({
        event_id: event_id ?? randomUUID(), kind, occurred_at: new Date().toISOString(), product_id, query, results, list, position, search_id,
        customer_id: req.auth_context?.actor_id || undefined,
        session_id: session && createHash('sha256').update(session).digest('hex').slice(0, 32),
    })));
    res.status(202).json({ new: fresh });
}
