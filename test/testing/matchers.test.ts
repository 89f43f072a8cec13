import { describe, expect, it } from 'vitest';
import { describedImage, randomImage, startRegistry, type TestRegistry } from '../../testing/index.js';
import { expectRegistry } from '../../testing/node.js';
import { test as fixture } from '../../testing/vitest.js';

const image = randomImage();
const other = describedImage({ files: { a: 'b' } });
const type = 'application/vnd.example.sbom';
const seed = {
  'team/app': { '1.0': image, '@sbom': { artifactType: type, subject: '1.0' } },
  'team/lib': { latest: other },
} as const;

async function push(registry: TestRegistry, name: string, content = image): Promise<Response> {
  return await registry.fetch(`/v2/team/app/manifests/${name}`, {
    method: 'PUT',
    headers: { 'content-type': content.descriptor.mediaType },
    body: Buffer.from(content.manifest),
  });
}

/** What a matcher says when it does not hold. */
async function complaint(check: () => void | Promise<void>): Promise<string> {
  try {
    await check();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it holds');
}

describe('toHavePushed', () => {
  it('knows pushes by tag and by digest, with the host and without', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    expect(registry).not.toHavePushed('team/app');
    await push(registry, '2.0');
    for (const reference of [
      'team/app',
      'team/app:2.0',
      `${registry.host}/team/app:2.0`,
      `team/app@${image.digest}`,
      `team/app:2.0@${image.digest}`,
    ])
      expect(registry).toHavePushed(reference);
    for (const reference of ['team/lib', 'team/app:1.0', `team/app@${other.digest}`])
      expect(registry).not.toHavePushed(reference);
  });

  it('a push that was refused is none', async () => {
    await using registry = await startRegistry({ socket: false, readOnly: true, seed });
    expect((await push(registry, '2.0')).status).toBe(403);
    expect(registry).not.toHavePushed('team/app');
  });

  it('says what was pushed instead', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    const check = expectRegistry(registry);
    expect(await complaint(() => check.toHavePushed('team/app:2'))).toBe(
      'expected a push of team/app:2; no manifest was pushed',
    );
    await push(registry, '3');
    expect(await complaint(() => check.toHavePushed('team/app:2'))).toBe(
      `expected a push of team/app:2; there is:\n  team/app 3 ${image.digest}`,
    );
    expect(await complaint(() => check.not.toHavePushed('team/app:3'))).toContain('expected no push');
    expect(() => expect({}).toHavePushed('team/app')).toThrow('toHavePushed looks at a test registry');
  });
});

describe('toHaveTag', () => {
  it('looks at what is there, and where it leads', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    await expect(registry).toHaveTag('team/app:1.0');
    await expect(registry).toHaveTag('team/app:1.0', image.digest);
    await expect(registry).toHaveTag(`team/app:1.0@${image.digest}`);
    await expect(registry).toHaveTag('team/lib');
    await expect(registry).not.toHaveTag('team/app');
    await expect(registry).not.toHaveTag('team/app:1.0', other.digest);
    const check = expectRegistry(registry);
    expect(await complaint(() => check.toHaveTag('team/app:2'))).toBe(
      'expected a tag "2" in team/app; there is:\n  1.0',
    );
    expect(await complaint(() => check.toHaveTag('team/app:1.0', other.digest))).toContain(image.digest);
    expect(await complaint(() => check.not.toHaveTag('team/app:1.0'))).toContain('expected no tag');
  });
});

describe('toHaveReferrer', () => {
  it('finds what refers to a manifest', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    await expect(registry).toHaveReferrer('team/app:1.0');
    await expect(registry).toHaveReferrer(`team/app@${image.digest}`, { artifactType: type });
    await expect(registry).not.toHaveReferrer('team/app:1.0', { artifactType: 'text/plain' });
    await expect(registry).not.toHaveReferrer('team/lib');
    const check = expectRegistry(registry);
    expect(await complaint(() => check.toHaveReferrer('team/app:9'))).toContain('there is no team/app:9');
    expect(await complaint(() => check.toHaveReferrer('team/app:1.0', { digest: 'x' }))).toContain(type);
  });
});

describe('toHaveNeverSentCredentialsTo', () => {
  const headers = { authorization: 'Basic Ym9iOnB3' };

  it('looks at another registry', async () => {
    await using registry = await startRegistry();
    await using elsewhere = await startRegistry();
    await fetch(`${registry.url}/v2/`, { headers });
    await fetch(`${elsewhere.url}/v2/`);
    expect(registry).toHaveNeverSentCredentialsTo(elsewhere);
    await fetch(`${elsewhere.url}/v2/`, { headers });
    expect(registry).not.toHaveNeverSentCredentialsTo(elsewhere);
    const message = await complaint(() => expectRegistry(registry).toHaveNeverSentCredentialsTo(elsewhere));
    expect(message).toContain('2. GET /v2/ with Basic');
    expect(message).not.toContain('Ym9iOnB3');
  });

  it('looks at the same registry under another name', async () => {
    await using registry = await startRegistry();
    const alias = `localhost:${registry.port}`;
    await fetch(`${registry.url}/v2/`, { headers });
    expect(registry).toHaveNeverSentCredentialsTo(alias);
    await fetch(`http://${alias}/v2/`, { headers });
    expect(registry).not.toHaveNeverSentCredentialsTo(alias);
  });
});

describe('the fixture of vitest', () => {
  const seeded = fixture.extend({ registryOptions: { seed } });
  let last: TestRegistry | undefined;

  seeded('gives each test a registry with its options', async ({ registry }) => {
    await expect(registry).toHaveTag('team/lib:latest');
    await registry.seed({ app: { one: {} } });
    last = registry;
  });

  seeded('and closes it', async ({ registry }) => {
    await expect(registry).not.toHaveTag('app:one');
    await expect(fetch(`${last?.url ?? ''}/v2/`)).rejects.toThrow('fetch failed');
  });
});
