import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runConformance, socketWire } from '../../conformance/index.js';
import { createRegistry, listen, type Registry, type Server } from '../../registry/index.js';

let registry: Registry;
let server: Server;

beforeAll(async () => {
  registry = await createRegistry({ storage: { kind: 'memory' } });
  server = await listen(registry, { port: 0, grace: 0, tls: { auto: true } });
});

afterAll(async () => {
  await server.close();
  await registry.close();
});

describe('socketWire over TLS', () => {
  it('refuses a certificate nobody vouches for', async () => {
    const wire = socketWire(server.url);
    await expect(wire({ method: 'GET', path: '/v2/' })).rejects.toThrow('certificate');
    wire.close();
  });

  it.each([
    ['its authority is trusted', () => ({ ca: server.authority?.pem ?? '' })],
    ['any is', () => ({ insecure: true })],
  ])('accepts it when %s', async (_, options) => {
    const wire = socketWire(server.url, options());
    expect(wire.origin).toMatch(/^https:/);
    const { results } = await runConformance({ wire, options: { only: 'ping.*,blob.chunked.three' } });
    expect(results.map((result) => result.outcome)).toEqual(['pass', 'pass']);
    wire.close();
  });
});
