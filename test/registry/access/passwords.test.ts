import * as bcrypt from '@node-rs/bcrypt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isOciError } from '../../../oci/index.js';
import { Passwords } from '../../../registry/access/passwords.js';
import type { Users } from '../../../registry/access/users.js';

vi.mock(import('@node-rs/bcrypt'), async (original) => {
  const actual = await original();
  return { ...actual, verify: vi.fn(actual.verify) };
});

const verify = vi.mocked(bcrypt.verify);
const actual = await vi.importActual<typeof bcrypt>('@node-rs/bcrypt');

interface Setup {
  readonly passwords: Passwords;
  readonly secrets: Map<string, string>;
  readonly pass: (milliseconds: number) => void;
}

async function setup(users: Readonly<Record<string, string>>): Promise<Setup> {
  const secrets = new Map<string, string>();
  for (const [name, password] of Object.entries(users)) secrets.set(name, await bcrypt.hash(password, 4));
  let time = 0;
  const source: Users = { current: () => Promise.resolve(secrets) };
  return { passwords: new Passwords(source, () => time), secrets, pass: (ms) => void (time += ms) };
}

beforeEach(() => void verify.mockReset().mockImplementation(actual.verify));
afterEach(() => void verify.mockClear());

describe('Passwords', () => {
  it('knows right from wrong', async () => {
    const { passwords } = await setup({ alice: 'secret', bob: 'other' });
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    expect(await passwords.verify('alice', 'other')).toBe(false);
    expect(await passwords.verify('bob', 'secret')).toBe(false);
    expect(await passwords.verify('Alice', 'secret')).toBe(false);
  });

  it('asks bcrypt once for a good password, until that is long ago', async () => {
    const { passwords, pass } = await setup({ alice: 'secret' });
    await Promise.all(Array.from({ length: 20 }, () => passwords.verify('alice', 'secret')));
    pass(5 * 60 * 1000 - 1);
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    expect(verify).toHaveBeenCalledTimes(1);
    pass(1);
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    expect(verify).toHaveBeenCalledTimes(2);
  });

  it('asks again for every wrong one', async () => {
    const { passwords } = await setup({ alice: 'secret' });
    for (let times = 0; times < 3; times++) expect(await passwords.verify('alice', 'wrong')).toBe(false);
    expect(verify).toHaveBeenCalledTimes(3);
  });

  it('forgets a password that was changed, and a user who is gone, at once', async () => {
    const { passwords, secrets } = await setup({ alice: 'secret' });
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    secrets.set('alice', await bcrypt.hash('new', 4));
    expect(await passwords.verify('alice', 'secret')).toBe(false);
    expect(await passwords.verify('alice', 'new')).toBe(true);
    secrets.delete('alice');
    expect(await passwords.verify('alice', 'new')).toBe(false);
  });

  it('does the same work for an unknown user as for a wrong password', async () => {
    const { passwords, secrets } = await setup({ alice: 'secret', bob: 'other' });
    expect(await passwords.verify('mallory', 'secret')).toBe(false);
    expect(verify).toHaveBeenCalledTimes(1);
    expect([...secrets.values()]).toContain(verify.mock.calls[0]?.[1]);
  });

  it('goes on after a check that failed', async () => {
    const { passwords } = await setup({ alice: 'secret' });
    verify.mockRejectedValueOnce(new Error('no memory'));
    await expect(passwords.verify('alice', 'secret')).rejects.toThrow('no memory');
    verify.mockResolvedValueOnce(true);
    expect(await passwords.verify('alice', 'secret')).toBe(true);
  });

  it('asks bcrypt once for equal attempts at a time, whether there is such a user or not', async () => {
    const { passwords } = await setup({ alice: 'secret' });
    for (const name of ['alice', 'mallory']) {
      verify.mockClear();
      const attempts = Array.from({ length: 20 }, () => passwords.verify(name, 'wrong'));
      expect(await Promise.all(attempts)).toEqual(attempts.map(() => false));
      expect(verify).toHaveBeenCalledTimes(1);
    }
  });

  it('never lets an unknown user in by the password of the one who stands in', async () => {
    const { passwords } = await setup({ alice: 'secret' });
    for (let times = 0; times < 2; times++) expect(await passwords.verify('mallory', 'secret')).toBe(false);
  });

  it('remembers good ones through a flood of wrong ones, and refuses what would wait too long', async () => {
    const { passwords } = await setup({ alice: 'secret' });
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    let release: () => void = () => undefined;
    const held = new Promise<boolean>((resolve) => {
      release = () => resolve(false);
    });
    verify.mockReset().mockReturnValue(held);
    const flood = Array.from({ length: 1500 }, (_, count) =>
      passwords
        .verify(count % 2 === 0 ? 'alice' : `nobody${count}`, `wrong ${count}`)
        .catch((error: unknown) => (isOciError(error) ? error.code : error)),
    );
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    release();
    const answers = await Promise.all(flood);
    expect(answers.filter((answer) => answer === false)).toHaveLength(66);
    expect(answers.filter((answer) => answer === 'TOOMANYREQUESTS')).toHaveLength(1500 - 66);
    const asked = verify.mock.calls.length;
    expect(asked).toBeLessThanOrEqual(66);
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    expect(verify).toHaveBeenCalledTimes(asked);
  });

  it('also takes passwords as they are', async () => {
    const users: Users = { current: () => Promise.resolve(new Map([['alice', 'secret']])) };
    const passwords = new Passwords(users, () => 0);
    expect(await passwords.verify('alice', 'secret')).toBe(true);
    expect(await passwords.verify('alice', 'secre')).toBe(false);
    expect(await passwords.verify('bob', 'secret')).toBe(false);
    expect(verify).not.toHaveBeenCalled();
  });
});
