import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPage } from '../../registry/page-view.js';
import { WAYS, blobOf, imageOf, open, pushBlob, pushManifest, type Answer, type Site } from './helpers.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };

const page = async (site: Site, path = '/', headers: Record<string, string> = {}): Promise<Answer> =>
  await site.ask('GET', path, { headers: { ...BROWSER, ...headers } });

/** The commands that a page shows. */
const commands = ({ bytes }: Answer): string[] =>
  [...bytes.toString().matchAll(/<code>([^<]*)<\/code>/g)].map((match) => match[1] ?? '');

/** Where a link of a page leads. */
const linkTo = ({ bytes }: Answer, text: string): string | undefined =>
  new RegExp(`<a href="([^"]*)">${text}</a>`).exec(bytes.toString())?.[1]?.replaceAll('&amp;', '&');

describe.each(WAYS)('the page, by %s', (way) => {
  let site: Site;
  beforeAll(async () => {
    site = await open({}, way);
    await pushManifest(site, 'team/app', 'v1');
    await pushManifest(site, 'team/app', 'v2');
    await pushBlob(site, 'untagged', 'x');
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  it('shows every tag and the line that pulls it', async () => {
    const answer = await page(site);
    const { host } = new URL(site.url);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(commands(answer)).toEqual([`docker pull ${host}/team/app:v1`, `docker pull ${host}/team/app:v2`]);
    expect(answer.bytes.toString()).toMatch(/<h2>untagged<\/h2>[^]*no tags/);
  });

  it('loads nothing and lets nothing run', async () => {
    const { headers, bytes } = await page(site);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; /);
    const style = /<style>([^]*?)<\/style>/.exec(bytes.toString())?.[1] ?? '';
    expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(style).not.toContain('url(');
    expect(bytes.toString()).not.toMatch(/<script|<img|<link|<iframe|<form|\son\w+=|https?:\/\//i);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('is there for browsers only', async () => {
    for (const accept of ['*/*', 'application/json']) {
      const answer = await site.ask('GET', '/', { headers: { accept } });
      expect([answer.status, answer.codes()]).toEqual([404, ['NAME_UNKNOWN']]);
    }
    expect((await site.ask('POST', '/', { headers: BROWSER })).status).toBe(404);
    const headed = await site.ask('HEAD', '/', { headers: BROWSER });
    expect([headed.status, headed.bytes.byteLength]).toEqual([200, 0]);
  });

  it('of one repository shows that alone', async () => {
    expect(commands(await page(site, '/?repository=team/app&last=v1'))).toEqual([
      `docker pull ${new URL(site.url).host}/team/app:v2`,
    ]);
    expect((await page(site, '/?repository=nowhere')).codes()).toEqual(['NAME_UNKNOWN']);
    expect((await page(site, '/?repository=%3Cscript%3E')).codes()).toEqual(['NAME_INVALID']);
    expect((await page(site, '/?last=%3Cscript%3E%22')).status).toBe(200);
  });
});

describe('the page', () => {
  it('leads through all there is', async () => {
    await using site = await open({ publicUrl: 'https://registry.example' });
    const { bytes, digest, mediaType } = imageOf();
    const tags = Array.from({ length: 600 }, (_, index) => `t${String(index).padStart(3, '0')}`);
    await pushManifest(site, 'many/tags', 't000');
    for (let at = 0; at < tags.length; at += 100) {
      const query = tags.slice(at, at + 100).map((tag) => `tag=${tag}`);
      await site.ask('PUT', `/v2/many/tags/manifests/${digest}?${query.join('&')}`, {
        headers: { 'content-type': mediaType },
        body: bytes,
      });
    }
    for (let index = 0; index < 120; index++) await pushBlob(site, `z${String(index).padStart(3, '0')}`, 'x');

    const first = await page(site);
    expect(commands(first)).toHaveLength(10);
    let found: string[] = [];
    for (let at: string | undefined = linkTo(first, 'more tags'); at !== undefined;) {
      const answer: Answer = await page(site, at);
      found = [...found, ...commands(answer)];
      at = linkTo(answer, 'more tags');
    }
    expect([...commands(first), ...found]).toEqual(
      tags.map((tag) => `docker pull registry.example/many/tags:${tag}`),
    );

    const headings: string[] = [];
    for (let at: string | undefined = '/'; at !== undefined;) {
      const answer: Answer = await page(site, at);
      headings.push(...[...answer.bytes.toString().matchAll(/<h2>([^<]*)</g)].map((match) => match[1] ?? ''));
      at = linkTo(answer, 'more repositories');
    }
    expect(headings).toHaveLength(121);
    expect(new Set(headings).size).toBe(121);
  });

  it('escapes whatever it is given', async () => {
    const evil = `<script>alert(1)</script>"'&`;
    const text = await renderPage({
      host: evil,
      repositories: [{ name: evil, tags: [evil], more: evil }],
      next: evil,
      home: evil,
      signIn: evil,
      user: evil,
    });
    expect(text).not.toContain('<script');
    expect(text).not.toContain(`"'`);
    expect(text.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;/g)).toHaveLength(11);
  });
});

describe('the page of a registry with users', () => {
  const basic = (name: string, password: string): Record<string, string> => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
  });
  const users = { ann: 'secret' };

  it.each(['basic', 'bearer'] as const)('asks for a password when nothing is public: %s', async (mode) => {
    await using site = await open({ access: { mode, users } });
    for (const headers of [{}, basic('ann', 'wrong'), basic('eve', 'secret')]) {
      const refused = await page(site, '/', headers);
      expect([refused.status, refused.codes()]).toEqual([401, ['UNAUTHORIZED']]);
      expect(refused.headers.get('www-authenticate')).toBe('Basic realm="ocilot"');
    }
    const seen = await page(site, '/', basic('ann', 'secret'));
    expect(seen.bytes.toString()).toContain('Signed in as ann.');
    expect(linkTo(seen, 'sign in')).toBeUndefined();
  });

  it('shows everybody what everybody may pull, and more to who signs in', async () => {
    const rules = [
      { repositories: 'public/**', pull: ['*'], push: ['ann'] },
      { repositories: '**', push: ['ann'] },
    ];
    await using site = await open({ access: { mode: 'bearer', users, rules } });
    const { bytes, digest } = blobOf('x');
    for (const name of ['public/app', 'secret/app']) {
      const pushed = await site.ask('POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, {
        headers: basic('ann', 'secret'),
        body: bytes,
      });
      expect(pushed.status).toBe(201);
    }
    const anybody = await page(site);
    expect(anybody.bytes.toString()).toContain('public/app');
    expect(anybody.bytes.toString()).not.toContain('secret/app');
    expect((await page(site, '/?repository=secret/app')).codes()).toEqual(['NAME_UNKNOWN']);
    const signIn = await page(site, linkTo(anybody, 'sign in'));
    expect([signIn.status, signIn.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="ocilot"']);
    const ann = await page(site, linkTo(anybody, 'sign in'), basic('ann', 'secret'));
    expect(ann.bytes.toString()).toMatch(/public\/app[^]*secret\/app/);
  });
});
