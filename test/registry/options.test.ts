import { describe, expect, it } from 'vitest';
import { createRegistry, type RegistryOptions } from '../../registry/index.js';

describe('options of a registry', () => {
  it.each([
    [{ acess: { mode: 'basic' } }, /acess is not an option/],
    [{ readonly: true }, /readonly is not an option/],
    [{ access: null }, /access is null/],
    [{ access: {} }, /access has no mode/],
    [{ deletes: { enable: false } }, /deletes\.enable is not an option/],
    [{ manifests: { missing: 'stric' } }, /manifests\.missing is "stric"/],
    [{ quotas: { 'Team A': 5 } }, /quotas has "Team A"/],
    [{ quotas: { team: -1 } }, /quotas\.team is -1/],
    [{ storage: { kind: 'memroy' } }, /storage\.kind is "memroy"/],
    [{ storage: { kind: 'auto' } }, /storage\.folder is not/],
    [{ collection: 5 }, /collection is not an object/],
  ])('%j are refused', async (options, message) => {
    const made = createRegistry(options as unknown as RegistryOptions);
    await expect(made).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(message) as string,
    });
  });

  it('are taken when they are right', async () => {
    const registry = await createRegistry({ quotas: { '': 10, '/team/': 5 }, manifests: { missing: 'off' } });
    expect(registry.options.rules.quotas).toEqual([
      { prefix: '', bytes: 10 },
      { prefix: 'team', bytes: 5 },
    ]);
    await registry.close();
  });
});
