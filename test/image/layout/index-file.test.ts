import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMPTY_INDEX,
  encodeIndexFile,
  entriesFor,
  nameOf,
  parseIndexFile,
  withEntry,
  type IndexFile,
} from '../../../image/layout/index-file.js';
import { findNamed } from '../../../image/layout/names.js';
import { MEDIA_TYPES, describe as describeBytes, isOciError } from '../../../oci/index.js';

const descriptors = [0, 1, 2].map((at) => describeBytes(MEDIA_TYPES.ociManifest, Buffer.of(at)));
const puts = fc.array(
  fc.record({
    descriptor: fc.constantFrom(...descriptors),
    tags: fc.uniqueArray(fc.constantFrom('a', 'b', 'r.example/a:1', '__proto__'), { maxLength: 3 }),
  }),
  { maxLength: 12 },
);

describe('entries of an index', () => {
  it('are, after any puts, one a name with what got it last, and every digest is there', () => {
    fc.assert(
      fc.property(puts, (list) => {
        const names = new Map<string, string>();
        const nameless = new Set<string>();
        let index: IndexFile = EMPTY_INDEX;
        for (const { descriptor, tags } of list) {
          index = entriesFor(descriptor, tags, {}).reduce(withEntry, index);
          for (const tag of tags) names.set(tag, descriptor.digest);
          if (tags.length === 0) nameless.add(descriptor.digest);
          const found = index.entries.find(({ digest }) => digest === descriptor.digest);
          expect(found).toBeDefined();
        }
        const read = parseIndexFile(encodeIndexFile(index), 'it');
        const named = read.entries.filter((entry) => nameOf(entry) !== undefined);
        expect(new Map(named.map((entry) => [nameOf(entry), entry.digest]))).toEqual(names);
        expect(named).toHaveLength(names.size);
        const others = read.entries
          .filter((entry) => nameOf(entry) === undefined)
          .map(({ digest }) => digest);
        expect(new Set(others).size).toBe(others.length);
        for (const digest of others) expect(nameless.has(digest)).toBe(true);
        for (const digest of others) expect(named.map((entry) => entry.digest)).not.toContain(digest);
      }),
    );
  });

  it('are read or refused, whatever the bytes are', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ manifests: [value, descriptors[0]] }))),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          parseIndexFile(input, 'it');
        } catch (error) {
          expect(isOciError(error, 'CONTENT_INVALID')).toBe(true);
        }
      }),
    );
  });

  it('are found by any name without harm', () => {
    const all = ['a', 'r.example/a:1', 'a@sha256:0', ''].map((name) => ({
      names: [name],
      digest: name,
      item: name,
    }));
    fc.assert(
      fc.property(fc.string(), (name) => {
        try {
          const found = findNamed(all, name, 'it');
          expect(found === undefined || typeof found === 'string').toBe(true);
        } catch (error) {
          expect(isOciError(error, 'REFERENCE_INVALID')).toBe(true);
        }
      }),
    );
  });
});
