// Nightshift's lists in Vendure's shop API, and what the shop's pages saw posted back. See README.md.
import { createHash, randomUUID } from 'crypto';
import { OnApplicationBootstrap } from '@nestjs/common';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import {
    ActiveOrderService, Ctx, CustomerService, EventBus, ID, Logger, OrderLineEvent, OrderService, PluginCommonModule, Product,
    ProductService, RequestContext, VendurePlugin,
} from '@vendure/core';
import gql from 'graphql-tag';

export interface NightshiftOptions {
    url: string; // where ./nightshift serve answers
    key: string; // of a backend: ./nightshift serve --new-key vendure
    patienceMs?: number;
}
interface Row { product_id: string; score?: number; reason?: string }
type Listed = { product: Product; score?: number; reason?: string };
type Posted = { kind: string; productId?: string; query?: string; results?: number; list?: string; position?: number; searchId?: string; eventId?: string };

const schema = gql`
    type NightshiftProduct { product: Product!, score: Float, reason: String }
    input NightshiftEvent { kind: String!, productId: ID, query: String, results: Int, list: String, position: Int, searchId: String, eventId: String }
    extend type Query {
        "What to show this customer: home, new or again."
        nightshiftRecommendations(take: Int = 10, mix: String = "home"): [NightshiftProduct!]!
        nightshiftSimilar(productId: ID!, take: Int = 10): [NightshiftProduct!]!
        "What goes with the cart."
        nightshiftCart(take: Int = 5): [NightshiftProduct!]!
    }
    extend type Mutation {
        "view, wish, search, shown or clicked; a cart is posted by itself. How many are new."
        nightshiftEvents(events: [NightshiftEvent!]!): Int!
    }`;

@Resolver()
export class NightshiftResolver implements OnApplicationBootstrap {
    constructor(
        private products: ProductService, private customers: CustomerService, private active: ActiveOrderService,
        private orders: OrderService, private bus: EventBus,
    ) {}

    onApplicationBootstrap() {
        this.bus.ofType(OrderLineEvent).subscribe(async ({ ctx, orderLine, type }) => {
            if (type === 'created') await this.post(ctx, [{ kind: 'cart', productId: String(orderLine.productVariant?.productId ?? '') }]);
        });
    }

    @Query()
    async nightshiftRecommendations(@Ctx() ctx: RequestContext, @Args() { take, mix }: { take: number; mix: string }) {
        return this.list(ctx, 'recommend', [['customer_id', (await this.who(ctx)) ?? 'guest'], ['n', take], ['mix', mix]]);
    }

    @Query()
    nightshiftSimilar(@Ctx() ctx: RequestContext, @Args() { productId, take }: { productId: ID; take: number }) {
        return this.list(ctx, 'similar', [['product_id', productId], ['n', take]]);
    }

    @Query()
    async nightshiftCart(@Ctx() ctx: RequestContext, @Args() { take }: { take: number }) {
        const active = await this.active.getActiveOrder(ctx, undefined); // without its lines
        const order = active && (await this.orders.findOne(ctx, active.id));
        const ids = [...new Set((order?.lines ?? []).map((line) => String(line.productVariant.productId)))];
        return ids.length ? this.list(ctx, 'basket', [...ids.map((id): [string, ID] => ['product_ids', id]), ['n', take]]) : [];
    }

    @Mutation()
    nightshiftEvents(@Ctx() ctx: RequestContext, @Args() { events }: { events: Posted[] }) {
        return this.post(ctx, events);
    }

    /** The customer as the contract's customer_id; none for a guest. */
    private async who(ctx: RequestContext) {
        const customer = ctx.activeUserId ? await this.customers.findOneByUserId(ctx, ctx.activeUserId) : undefined;
        return customer && String(customer.id);
    }

    /** The products of a list, best first, that the shop shows at this moment. */
    private async list(ctx: RequestContext, route: string, params: Array<[string, ID]>): Promise<Listed[]> {
        const query = new URLSearchParams(params.map(([name, value]): [string, string] => [name, String(value)]));
        const rows: Row[] = (await this.ask(`/v1/${route}?${query}`))?.rows ?? [];
        if (!rows.length) return []; // Vendure's findByIds of no ids is an error of SQL
        const found = await this.products.findByIds(ctx, rows.map((row) => row.product_id));
        const shown = new Map(found.filter((product) => product.enabled).map((product) => [String(product.id), product]));
        return rows.flatMap(({ product_id, score, reason }) => {
            const product = shown.get(product_id);
            return product ? [{ product, score, reason }] : [];
        });
    }

    private async post(ctx: RequestContext, events: Posted[]): Promise<number> {
        const session = ctx.session && createHash('sha256').update(ctx.session.token).digest('hex').slice(0, 32);
        const customer = await this.who(ctx);
        const body = events.map((event) => ({
            event_id: event.eventId ?? randomUUID(), kind: event.kind, occurred_at: new Date().toISOString(), customer_id: customer,
            session_id: session, product_id: event.productId && String(event.productId), query: event.query, results: event.results,
            list: event.list, position: event.position, search_id: event.searchId,
        }));
        return (await this.ask('/v1/events', { method: 'POST', body: JSON.stringify({ events: body }) }))?.new ?? 0;
    }

    /** Nightshift's answer; undefined if there is none in time: a page of the shop never waits for it, nor fails. */
    private async ask(path: string, request: RequestInit = {}): Promise<any> {
        const { url, key, patienceMs } = NightshiftPlugin.options;
        const headers = { 'X-API-Key': key, 'Content-Type': 'application/json' };
        try {
            const answer = await fetch(url + path, { ...request, headers, signal: AbortSignal.timeout(patienceMs ?? 500) });
            if (answer.ok) return await answer.json();
            Logger.warn(`${path.split('?')[0]}: ${answer.status} ${(await answer.text()).slice(0, 200)}`, 'Nightshift');
        } catch (error) {
            Logger.warn(`${path.split('?')[0]}: ${error}`, 'Nightshift');
        }
    }
}

@VendurePlugin({ imports: [PluginCommonModule], shopApiExtensions: { schema, resolvers: [NightshiftResolver] }, compatibility: '^2.0.0 || ^3.0.0' })
export class NightshiftPlugin {
    static options: NightshiftOptions;
    static init(options: NightshiftOptions) {
        this.options = options;
        return NightshiftPlugin;
    }
}
