import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegistry, type Registry } from '../../registry/index.js';
import { openRegistry, type OpenRegistry } from '../helpers/clients/doors.js';
import { expectNoFailure } from '../helpers/clients/expect.js';
import { Home } from '../helpers/clients/home.js';
import { needs } from '../helpers/clients/process.js';
import { Teardown } from '../helpers/clients/teardown.js';

describe("files that Apache's htpasswd writes", () => {
  const teardown = new Teardown();
  let home: Home;

  beforeAll(async () => {
    home = await Home.create(teardown);
  });
  afterAll(() => teardown.run());
  beforeEach((ctx) => needs(ctx, 'htpasswd'));

  /** `-b` wants user and password behind the file. */
  const add = async (file: string, flags: string, name: string, password: string): Promise<void> => {
    await home.succeed('htpasswd', [flags, file, name, password]);
  };

  it.each(['basic', 'bearer'] as const)('let their users in, in mode %s', async (mode) => {
    const file = home.path(`users-${mode}`);
    await add(file, '-cbB', 'ada', 'first: lovelace');
    await add(file, '-bB', 'grace', 'hopper ü');
    await home.succeed('htpasswd', ['-bB', '-C', '10', file, 'edsger', 'considered']);
    const registry = await openRegistry(
      teardown,
      { auth: 'none', scheme: 'http' },
      { access: { mode, htpasswd: file } },
    );
    for (const [name, password] of [
      ['ada', 'first: lovelace'],
      ['grace', 'hopper ü'],
      ['edsger', 'considered'],
    ] as const) {
      expect(await statusFor(registry, mode, name, password)).toBe(200);
      expect(await statusFor(registry, mode, name, `${password}!`)).toBe(401);
    }
    expectNoFailure(registry);
  });

  it('are read again when they change', async () => {
    const file = home.path('changing');
    let time = Date.now();
    await add(file, '-cbB', 'ada', 'old');
    const registry = await openRegistry(
      teardown,
      { auth: 'none', scheme: 'http' },
      { access: { mode: 'basic', htpasswd: file }, now: () => time },
    );
    expect(await statusFor(registry, 'basic', 'ada', 'old')).toBe(200);
    await add(file, '-bB', 'ada', 'new');
    await add(file, '-bB', 'grace', 'hopper');
    time += 60_000;
    expect(await statusFor(registry, 'basic', 'ada', 'old')).toBe(401);
    expect(await statusFor(registry, 'basic', 'ada', 'new')).toBe(200);
    expect(await statusFor(registry, 'basic', 'grace', 'hopper')).toBe(200);
    await home.succeed('htpasswd', ['-D', file, 'grace']);
    time += 60_000;
    expect(await statusFor(registry, 'basic', 'grace', 'hopper')).toBe(401);
  });

  it.each([
    ['-cbm', 'MD5'],
    ['-cbs', 'SHA-1'],
    ['-cbp', 'plain text'],
    ['-cbd', 'crypt'],
  ])('are refused, with the user named, when written with %s (%s)', async (flags) => {
    const file = home.path(`weak${flags}`);
    await add(file, flags, 'ada', 'lovelace');
    const opening: Promise<Registry> = createRegistry({ access: { mode: 'basic', htpasswd: file } });
    await expect(opening).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/"?ada"? that is not bcrypt/) as string,
    });
  });

  /** What the ping answers to a user, by way of a token where that is the mode. */
  async function statusFor(
    registry: OpenRegistry,
    mode: 'basic' | 'bearer',
    name: string,
    password: string,
  ): Promise<number> {
    const basic = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
    const ping = (authorization: string): Promise<Response> =>
      fetch(`${registry.url}/v2/`, { headers: { authorization } });
    if (mode === 'basic') return (await ping(basic)).status;
    const challenge = (await fetch(`${registry.url}/v2/`)).headers.get('www-authenticate') ?? '';
    const realm = /realm="([^"]+)"/.exec(challenge)?.[1] ?? '';
    const answer = await fetch(realm, { headers: { authorization: basic } });
    if (!answer.ok) return answer.status;
    const { token } = (await answer.json()) as { token: string };
    return (await ping(`Bearer ${token}`)).status;
  }
});
