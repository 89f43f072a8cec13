import type { Transport } from '../transport.js';
import { Endpoint } from './endpoint.js';
import { pages, sizeQuery, textsOf, type ListOptions } from './pages.js';

/** The repositories of a registry, in its order. Throws OciError of the registry's answer. */
export async function* catalog(
  transport: Transport,
  registry: string,
  { pageSize, ...options }: ListOptions = {},
): AsyncGenerator<string> {
  const list = {
    path: `/v2/_catalog${sizeQuery(pageSize)}`,
    scopes: ['registry:catalog:*'],
    what: `catalog of ${registry}`,
    ...options,
  };
  for await (const page of pages(new Endpoint(transport, registry), list)) yield* textsOf(page.repositories);
}
