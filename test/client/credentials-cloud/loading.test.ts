import { expect, it, vi } from 'vitest';
import { defaultKeychain } from '../../../client/index.js';
import { services } from './site.js';

const loaded = vi.hoisted(() => [] as string[]);
vi.mock('../../../client/credentials/cloud/google.js', async (original) => {
  loaded.push('google');
  return await original();
});
vi.mock('../../../client/credentials/cloud/aws.js', async (original) => {
  loaded.push('aws');
  return await original();
});

it('loads the code of a cloud when a registry of its own is met', async () => {
  const { transport } = services({});
  const keychain = defaultKeychain({ environment: { PATH: '/nowhere' }, home: '/nowhere', transport });
  await keychain.resolve({ registry: 'r.example' });
  expect(loaded).toEqual([]);
  await keychain.resolve({ registry: 'public.ecr.aws' });
  expect(loaded).toEqual(['aws']);
});
