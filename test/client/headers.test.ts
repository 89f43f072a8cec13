import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createClient, dockerHeaders, httpHeaders, type LogEntry } from '../../client/index.js';
import { tempFolder } from '../helpers/temp.js';
import { fake, get } from './fakes.js';

const HEADERS = { 'X-Meta-Team': 'secret', 'User-Agent': 'Docker', Accept: 'nothing' };
const context = { registry: 'registry.example' };

describe('headers of the user', () => {
  it('go to the registry, and not to where it redirects or sends for tokens', async () => {
    const entries: LogEntry[] = [];
    const { transport, sent } = fake((request) => {
      const { hostname, pathname } = new URL(request.url);
      if (hostname === 'auth.example') return { body: '{"token":"t"}' };
      if (hostname === 'cdn.example') return {};
      if (request.headers.authorization === undefined)
        return { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example/token"' } };
      return pathname === '/v2/' ? { status: 307, headers: { location: 'https://cdn.example/' } } : {};
    });
    await using client = createClient({
      driver: transport,
      headers: HEADERS,
      onRequest: (entry) => entries.push(entry),
    });
    const request = get('https://registry.example/v2/', { context, headers: { accept: 'mine' } });
    await (await client.transport(request)).discard();
    expect(sent.map(({ url, headers }) => [new URL(url).hostname, headers['x-meta-team']])).toEqual([
      ['registry.example', 'secret'],
      ['auth.example', undefined],
      ['registry.example', 'secret'],
      ['cdn.example', undefined],
    ]);
    expect(sent[0]?.headers).toMatchObject({ accept: 'mine', 'user-agent': 'ocilot' });
    expect(JSON.stringify(entries)).not.toContain('secret');
  });

  it.each([{ 'a b': 'x' }, { a: 'x\r\nb: y' }, { '': 'x' }])('must be headers: %j', (headers) => {
    expect(() => httpHeaders(headers)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('are read from Docker’s configuration', async () => {
    const folder = await tempFolder();
    const places = { environment: { DOCKER_CONFIG: folder }, home: '/nowhere' };
    const file = join(folder, 'config.json');
    expect(await dockerHeaders(places)).toEqual({});
    await writeFile(file, JSON.stringify({ auths: {} }));
    expect(await dockerHeaders(places)).toEqual({});
    await writeFile(file, JSON.stringify({ HttpHeaders: HEADERS }));
    expect(await dockerHeaders(places)).toEqual(HEADERS);
    await writeFile(file, JSON.stringify({ HttpHeaders: { a: 1 } }));
    await expect(dockerHeaders(places)).rejects.toThrow(/HttpHeaders in .* is not a map of text/);
  });
});
