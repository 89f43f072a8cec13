import { describe, expect, it } from 'vitest';
import { digestOf } from '../../oci/index.js';
import type { RequestEntry } from '../../registry/index.js';
import { randomImage, startRegistry, type LoggedRequest } from '../../testing/index.js';

const image = randomImage();
const seed = { 'team/app': { '1.0': image }, 'team/other': { '1.0': image } };
const bytes = Buffer.from('hello');
const digest = digestOf(bytes);

describe('the request log', () => {
  it('calls every request what the registry calls it', async () => {
    const told: RequestEntry[] = [];
    await using registry = await startRegistry({
      socket: false,
      seed,
      access: {
        mode: 'bearer',
        users: { bob: 'secret' },
        rules: [{ repositories: '**', admin: ['*'] }],
      },
      onRequest: (entry) => void told.push(entry),
    });
    const repo = '/v2/team/app';
    const blob = `${repo}/blobs/${digest}`;
    const uploads = `${repo}/blobs/uploads/`;
    for (const [method, path] of [
      ['GET', '/v2/'],
      ['GET', '/v2/_catalog'],
      ['GET', '/v2/_oci/ext/discover'],
      ['GET', blob],
      ['HEAD', blob],
      ['DELETE', blob],
      ['POST', uploads],
      ['GET', `${uploads}x`],
      ['PATCH', `${uploads}x`],
      ['PUT', `${uploads}x?digest=${digest}`],
      ['DELETE', `${uploads}x`],
      ['GET', `${repo}/manifests/1.0`],
      ['HEAD', `${repo}/manifests/1.0`],
      ['PUT', `${repo}/manifests/2.0`],
      ['DELETE', `${repo}/manifests/1.0`],
      ['GET', `${repo}/tags/list`],
      ['GET', `${repo}/referrers/${digest}`],
      ['GET', '/_ocilot/token'],
      ['POST', blob],
      ['GET', '/elsewhere'],
      ['GET', '/v2/team%2fapp/blobs/x'],
    ] as const)
      await (await registry.fetch(path, { method })).body?.cancel();
    const shown = ({ method, path, operation, status }: LoggedRequest | RequestEntry): object => ({
      method,
      path,
      operation,
      status,
    });
    expect([...registry.requests].map(shown)).toEqual(told.map(shown));
    expect(new Set([...registry.requests].map(({ operation }) => operation)).size).toBe(17);
  });

  it('holds what is known of a request', async () => {
    await using registry = await startRegistry({ now: () => 1000, users: { bob: 'secret' }, seed });
    const authorization = `Basic ${Buffer.from('bob:secret').toString('base64')}`;
    const path = `/v2/team/app/blobs/uploads/?digest=${digest}`;
    const answer = await fetch(registry.url + path, {
      method: 'POST',
      body: bytes,
      headers: { authorization, cookie: 'a=b; c=d', 'x-test': 'yes' },
    });
    expect(answer.status).toBe(201);
    const [entry] = registry.requests;
    expect(entry).toMatchObject({
      n: 1,
      time: 1000,
      attempt: 1,
      operation: 'upload.start',
      method: 'POST',
      path: '/v2/team/app/blobs/uploads/',
      query: `digest=${digest}`,
      repository: 'team/app',
      digest,
      status: 201,
      received: 5,
      sent: 0,
      user: 'bob',
      headers: { authorization: 'Basic', cookie: '', 'x-test': 'yes' },
    });
    expect(entry).not.toHaveProperty('faulted');
  });

  it('counts bytes that are sent, none of them for HEAD', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    const path = `/v2/team/app/manifests/${image.digest}`;
    await registry.fetch(path);
    await registry.fetch(path, { method: 'HEAD' });
    await registry.fetch('/v2/team/app/blobs/sha256:x');
    expect([...registry.requests].map(({ status, sent }) => [status, sent > 0])).toEqual([
      [200, true],
      [200, false],
      [400, true],
    ]);
    expect([...registry.requests][0]?.sent).toBe(image.manifest.byteLength);
  });

  it('counts attempts of the same thing, by digest or else by reference', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    const attempts = async (...paths: string[]): Promise<number[]> => {
      for (const path of paths) await registry.fetch(path, { method: path.startsWith('!') ? 'HEAD' : 'GET' });
      return [...registry.requests].map(({ attempt }) => attempt);
    };
    const tag = '/v2/team/app/manifests/1.0';
    expect(
      await attempts(tag, tag, '/v2/team/other/manifests/1.0', `/v2/team/app/manifests/${image.digest}`, tag),
    ).toEqual([1, 2, 1, 1, 3]);
    await registry.fetch(tag, { method: 'HEAD' });
    expect([...registry.requests].at(-1)?.attempt).toBe(1);
    registry.requests.clear();
    expect(await attempts(tag)).toEqual([1]);
    expect([...registry.requests][0]?.n).toBe(7);
  });

  it('is asked by fields, patterns and functions', async () => {
    await using registry = await startRegistry({ socket: false, seed });
    for (const repository of ['team/app', 'team/other', 'nobody/here'])
      for (const reference of ['1.0', '2.0'])
        await registry.fetch(`/v2/${repository}/manifests/${reference}`);
    await registry.fetch(`/v2/team/app/blobs/${image.config.descriptor.digest}`, { method: 'HEAD' });
    const { requests } = registry;
    expect(requests).toHaveLength(7);
    expect(requests.count()).toBe(7);
    expect(requests.count({ operation: 'manifest.get' })).toBe(6);
    expect(requests.count({ operation: ['manifest.get', 'blob.get'] })).toBe(7);
    expect(requests.count({ method: 'HEAD' })).toBe(1);
    expect(requests.count({ method: ['HEAD', 'GET'] })).toBe(7);
    expect(requests.count({ repository: 'team/app' })).toBe(3);
    expect(requests.count({ repository: 'team/*' })).toBe(5);
    expect(requests.count({ repository: /^team\/(?:app|other)$/g })).toBe(5);
    expect(requests.count({ path: '/v2/team/**' })).toBe(5);
    expect(requests.count({ path: /manifests/ })).toBe(6);
    expect(requests.count({ reference: '1.*' })).toBe(3);
    expect(requests.count({ digest: image.config.descriptor.digest })).toBe(1);
    expect(requests.count({ status: 200, operation: 'manifest.get' })).toBe(2);
    expect(requests.count({ faulted: false })).toBe(7);
    expect(requests.count(({ n }) => n > 5)).toBe(2);
    expect(requests.filter({ reference: '2.0', repository: 'team/app' }).map(({ n }) => n)).toEqual([2]);
  });
});

describe('waitFor', () => {
  it('resolves with what is there already', async () => {
    await using registry = await startRegistry({ socket: false });
    await registry.fetch('/v2/');
    expect(await registry.requests.waitFor({ operation: 'ping' })).toMatchObject({ n: 1, status: 200 });
  });

  it('resolves when such a request is answered, before its client knows', async () => {
    await using registry = await startRegistry({ seed });
    const events: string[] = [];
    const waited = registry.requests
      .waitFor((request) => request.path.endsWith('/2.0'))
      .then(({ status }) => events.push(`logged ${status}`));
    await fetch(`${registry.url}/v2/team/app/manifests/1.0`);
    expect(events).toEqual([]);
    const answer = await fetch(`${registry.url}/v2/team/app/manifests/2.0`);
    events.push(`answered ${answer.status}`);
    await waited;
    expect(events).toEqual(['logged 404', 'answered 404']);
  });

  it('ends with the reason of its signal', async () => {
    await using registry = await startRegistry({ socket: false });
    const stop = new AbortController();
    const waited = registry.requests.waitFor({ operation: 'ping' }, { signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(waited).rejects.toBe(reason);
    await expect(registry.requests.waitFor({}, { signal: stop.signal })).rejects.toBe(reason);
  });

  it('ends with the registry', async () => {
    const registry = await startRegistry({ socket: false });
    const waited = registry.requests.waitFor({ operation: 'ping' });
    const settled = expect(waited).rejects.toMatchObject({ code: 'ABORTED' });
    await registry.close();
    await settled;
    await expect(registry.requests.waitFor({})).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('outlives clear', async () => {
    await using registry = await startRegistry({ socket: false });
    const waited = registry.requests.waitFor({ operation: 'ping' });
    registry.requests.clear();
    await registry.fetch('/v2/');
    expect((await waited).operation).toBe('ping');
  });
});
