import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEFAULT_REGISTRY, parseReference, type Reference } from '../../oci/reference.js';
import { outcome } from './arbitraries.js';

const DIGEST = 'sha256:1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a';

describe('parseReference beside Docker and crane', () => {
  interface Row {
    readonly text: string;
    readonly docker: Reference | null;
    readonly crane: Reference | null;
  }
  const file = new URL('../fixtures/peers/references.json', import.meta.url);
  const rows = JSON.parse(readFileSync(file, 'utf8')) as Row[];

  const ours = (text: string): Reference | null =>
    outcome(() => parseReference(text)) === 'ok' ? parseReference(text) : null;

  /** Where we part with Docker, and why. */
  const PARTED: ReadonlyMap<string, string> = new Map([
    [DIGEST, 'a digest alone would be read as tag of library/sha256'],
    ['a_b.c/x', 'Docker reads a host and then finds none'],
    ['127.1/x', 'a URL reads another address'],
    ['0x7f.1/x', 'a URL reads another address'],
    ['127.0.0.01/x', 'a URL reads another address'],
    ['999.1.1.1/x', 'no address'],
    ['1.2.3.4.5/x', 'no address'],
    ['foo.1/x', 'no address'],
    ['[:]/x', 'no address'],
    ['[1::2::3]/x', 'no address'],
    ['h:0/x', 'no port to connect to'],
    ['h:080/x', 'a second spelling of a port'],
    ['h:65536/x', 'no port'],
    ['h:99999/x', 'no port'],
    ['h:100000/x', 'no port'],
    ['[::ffff:127.0.0.1]:5000/x', 'an address, which Docker does not know'],
  ]);

  it('reads what Docker reads, but for its short name of Docker Hub', () => {
    for (const { text, docker } of rows.filter((row) => !PARTED.has(row.text))) {
      const registry = docker?.registry === 'docker.io' ? DEFAULT_REGISTRY : docker?.registry;
      expect([text, ours(text)]).toEqual([text, docker && { ...docker, registry }]);
    }
  });

  it('parts with Docker only where it is written down', () => {
    for (const [text, why] of PARTED) {
      const row = rows.find((entry) => entry.text === text);
      expect([why, ours(text) === null]).toEqual([why, row?.docker !== null]);
    }
  });

  it('reads what crane reads wherever both accept, and keeps the tag beside a digest', () => {
    const both = rows.filter((row) => row.crane !== null && ours(row.text) !== null);
    expect(both.length).toBeGreaterThan(50);
    for (const { text, crane } of both) {
      const { registry, repository, tag, digest } = parseReference(text);
      const kept = digest === undefined ? { tag } : { digest };
      expect([text, { registry, repository, ...kept }]).toEqual([text, crane]);
    }
  });

  it('accepts beyond crane only hosts in capitals, as Docker does', () => {
    const beyond = rows.filter((row) => row.crane === null && ours(row.text) !== null);
    expect(beyond.map((row) => row.text)).toEqual(['LOCALHOST/x', 'Foo/bar', 'FOO/bar', 'FOO/bar:1']);
  });
});
