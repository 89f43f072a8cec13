import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { clientHints, isLoopback, localUrl, type Reached } from '../../cli/serve/hints.js';

const PLAIN: Reached = { url: 'http://127.0.0.1:5000', host: '127.0.0.1', port: 5000 };
const SECURE: Reached = { url: 'https://[::]:443', host: '::', port: 443 };

describe('where a registry is', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['localhost', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['registry.example', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });

  it('the URL works on this machine', () => {
    expect(localUrl(PLAIN)).toBe('http://127.0.0.1:5000');
    expect(localUrl(SECURE)).toBe('https://[::1]:443');
    expect(localUrl({ url: 'http://0.0.0.0:80', host: '0.0.0.0', port: 80 })).toBe('http://127.0.0.1:80');
  });
});

describe('how clients are pointed there', () => {
  it('over HTTP they are told that it is', () => {
    const text = clientHints(PLAIN);
    const json = text.split('\n').find((line) => line.startsWith('{')) ?? '';
    expect(parse(json)).toEqual({ 'insecure-registries': ['127.0.0.1:5000'] });
    expect(text).toContain('location = "127.0.0.1:5000"\ninsecure = true\n');
    expect(text).toContain('[host."http://127.0.0.1:5000"]');
  });

  it('over HTTPS they are given the authority that made the certificate', () => {
    const text = clientHints({ ...SECURE, authority: '/data/tls/ca.pem' });
    const name = `${hostname().toLowerCase()}:443`;
    expect(text).toContain(`cp /data/tls/ca.pem /etc/docker/certs.d/${name}/ca.crt`);
    expect(text).toContain(`cp /data/tls/ca.pem /etc/containers/certs.d/${name}/ca.crt`);
    expect(text).toContain(`server = "https://${name}"`);
    expect(text).toContain('ca = "/data/tls/ca.pem"');
    expect(text).not.toContain('insecure');
  });

  it('behind a proxy they are told its name', () => {
    const text = clientHints({ ...PLAIN, publicUrl: 'https://registry.example' });
    expect(text).toContain('server = "https://registry.example"');
    expect(text).not.toMatch(/127\.0\.0\.1|insecure/);
  });
});
