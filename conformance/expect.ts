import { digestOf, isDigest, type DigestAlgorithm } from '../oci/index.js';
import type { Exchange } from './http.js';
import { skip } from './outcome.js';

/** The status is one of `allowed`. */
export function expectStatus(exchange: Exchange, ...allowed: readonly number[]): Exchange {
  if (!allowed.includes(exchange.status)) {
    exchange.fail(`expected status ${allowed.join(' or ')}, got ${exchange.status}`);
  }
  return exchange;
}

/** The header is there. */
export function expectHeader(exchange: Exchange, name: string): string {
  return exchange.headers.get(name) ?? exchange.fail(`expected a ${name} header, got none`);
}

/** Some part of the answer is what it should be, compared as JSON. */
export function expectEqual(exchange: Exchange, what: string, got: unknown, expected: unknown): void {
  const [left, right] = [stable(got), stable(expected)];
  if (left !== right) exchange.fail(`expected ${what} to be ${right}, got ${left}`);
}

/** The body is these bytes, whatever the length of the message would be. */
export function expectBody(exchange: Exchange, bytes: Uint8Array): void {
  if (Buffer.compare(exchange.body, bytes) === 0) return;
  exchange.fail(
    `expected the ${bytes.byteLength} bytes of ${digestOf(bytes)}, got ${exchange.body.byteLength} bytes of ${digestOf(exchange.body)}`,
  );
}

/** The `Location` is there; where it leads. */
export function expectLocation(exchange: Exchange): string {
  expectHeader(exchange, 'location');
  return exchange.location ?? exchange.fail('expected a Location that can be resolved');
}

/** The error envelope names one of `codes`. */
export function expectCode(exchange: Exchange, ...codes: readonly string[]): void {
  const got = exchange.errors.map((error) => error.code);
  if (!got.some((code) => codes.includes(code))) {
    exchange.fail(
      `expected the error code ${codes.join(' or ')}, got ${got.join(', ') || 'no error envelope'}`,
    );
  }
}

/** The body is a JSON object, and says so. */
export function expectJson(exchange: Exchange): Record<string, unknown> {
  const { json } = exchange;
  if (json === undefined) exchange.fail('expected a JSON object as body');
  return json;
}

/**
 * `Docker-Content-Digest` names `bytes`, in the algorithm asked for.
 * @param required whether the header must be there (it must since 1.1+dev)
 */
export function expectDigest(
  exchange: Exchange,
  bytes: Uint8Array,
  options: { readonly algorithm?: DigestAlgorithm; readonly required?: boolean } = {},
): void {
  const got = exchange.headers.get('docker-content-digest');
  if (got === undefined) {
    if (options.required === true) expectHeader(exchange, 'docker-content-digest');
    return;
  }
  if (!isDigest(got)) exchange.fail(`expected Docker-Content-Digest to be a digest, got ${got}`);
  const own = got.startsWith('sha512') ? 'sha512' : 'sha256';
  expectEqual(exchange, 'Docker-Content-Digest', got, digestOf(bytes, options.algorithm ?? own));
}

/** Ends the test as skipped when the answer says that the operation is not offered. */
export function skipUnsupported(exchange: Exchange): void {
  const refused =
    exchange.status === 405 ||
    (exchange.status === 400 && exchange.errors.some((error) => error.code === 'UNSUPPORTED'));
  if (refused) skip(`not supported: ${exchange.summary}`);
}

/** JSON with sorted keys, so that equal things have equal text. */
function stable(value: unknown): string {
  return (
    JSON.stringify(value, (_, entry: unknown) =>
      typeof entry === 'object' && entry !== null && !Array.isArray(entry)
        ? Object.fromEntries(Object.entries(entry).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : entry,
    ) ?? 'nothing'
  );
}
