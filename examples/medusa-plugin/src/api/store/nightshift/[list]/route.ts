// GET /store/nightshift/recommendations?take=&mix= · /similar?product_id=&take= · /cart?cart_id=&take=
import { type AuthenticatedMedusaRequest, type MedusaResponse, authenticate } from '@medusajs/framework/http';
import { ContainerRegistrationKeys } from '@medusajs/framework/utils';
import { NIGHTSHIFT } from '../../../../modules/nightshift';
import type NightshiftService from '../../../../modules/nightshift/service';

export const AUTHENTICATE = false;
type Line = { product_id?: string } | null;

export async function GET(req: AuthenticatedMedusaRequest, res: MedusaResponse) {
    const nightshift: NightshiftService = req.scope.resolve(NIGHTSHIFT);
    const query = req.scope.resolve(ContainerRegistrationKeys.QUERY);
    const { take = '10', mix = 'home', product_id = '', cart_id = '' } = req.query as Record<string, string>;
    let rows;
    if (req.params.list === 'recommendations') {
        await new Promise((done) => authenticate('customer', ['bearer', 'session'], { allowUnauthenticated: true })(req, res, done as any));
        rows = await nightshift.list('recommend', [['customer_id', req.auth_context?.actor_id || 'guest'], ['n', take], ['mix', mix]]);
    } else if (req.params.list === 'similar') {
        rows = await nightshift.list('similar', [['product_id', product_id], ['n', take]]);
    } else if (req.params.list === 'cart') {
        const { data: [cart] } = await query.graph({ entity: 'cart', fields: ['items.product_id'], filters: { id: cart_id } });
        const ids: string[] = [...new Set<string>((cart?.items ?? []).flatMap((item: Line) => item?.product_id ?? []))];
        rows = ids.length ? await nightshift.list('basket', [...ids.map((id): [string, string] => ['product_ids', id]), ['n', take]]) : [];
    } else {
        return res.status(404).json({ message: 'recommendations, similar or cart' });
    }
    // Only what the shop shows at this moment, with the fields that its product pages use.
    const { data: found } = rows.length
        ? await query.graph({ entity: 'product', fields: ['id', 'title', 'handle', 'thumbnail'], filters: { id: rows.map((row) => row.product_id), status: 'published' } })
        : { data: [] };
    const shown = new Map(found.map((product) => [product.id, product]));
    res.json({ products: rows.flatMap(({ product_id: id, score, reason }) => (shown.has(id) ? [{ product: shown.get(id), score, reason }] : [])) });
}
