import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openArchive, verifyArchive } from '../../../image/archive/index.js';
import { cleanName, linkTarget } from '../../../image/archive/entry-names.js';
import { copy } from '../../../image/copy/index.js';
import { memoryStore } from '../../../image/memory.js';
import { isOciError } from '../../../oci/index.js';
import { all } from '../content.js';
import { entriesOf, fixture, tarOf } from '../tar/helpers.js';

const NAMES = ['idx.oci.tar', 'two.docker.tar', 'two.legacy.tar', 'imgpkg-multi.tar'];

/** What comes of reading everything in an archive: nothing but an error of ours may. */
async function expectOrderly(bytes: Uint8Array): Promise<void> {
  try {
    await verifyArchive(bytes);
    const source = await openArchive(bytes);
    await copy(source, memoryStore(), await all(source.roots?.()));
  } catch (error) {
    if (!isOciError(error)) throw error;
  }
}

describe('damaged archives of every format', () => {
  it.each(NAMES)('end in an error of ours or none: bytes changed in %s', async (name) => {
    const good = fixture(name);
    const changes = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of list) bytes[at] = value;
        await expectOrderly(bytes);
      }),
      { numRuns: 150 },
    );
  });

  it.each(NAMES)('end in an error of ours or none: JSON replaced in %s', async (name) => {
    const entries = await entriesOf([fixture(name)]);
    const documents = entries.filter(({ name: entry }) => entry.endsWith('json'));
    await fc.assert(
      fc.asyncProperty(fc.nat(documents.length - 1), fc.jsonValue({ maxDepth: 3 }), async (at, value) => {
        const changed = entries.map((entry) => {
          if (entry !== documents[at]) return entry;
          const text = Buffer.concat(entry.body).toString();
          // Somewhere in the document a value is another one.
          const places = [...text.matchAll(/"[^"]*"(?!\s*:)|\d+|null|\[\]/g)];
          const place = places[JSON.stringify(value).length % Math.max(1, places.length)];
          const start = place?.index ?? 0;
          const body = Buffer.from(
            text.slice(0, start) + JSON.stringify(value) + text.slice(start + (place?.[0].length ?? 0)),
          );
          return { ...entry, size: body.length, body: [body] };
        });
        await expectOrderly(await tarOf(changed));
      }),
      { numRuns: 150 },
    );
  });
});

describe('names in archives', () => {
  const part = fc.oneof(fc.constantFrom('.', '..', '', 'a', 'b'), fc.string({ maxLength: 3 }));
  const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('/'));

  it('never lead out', () => {
    fc.assert(
      fc.property(path, path, fc.constantFrom('link', 'symlink'), (name, to, type) => {
        for (const make of [() => cleanName(name, 'it'), () => linkTarget('a/b', { type, to }, 'it')]) {
          try {
            const clean = make();
            expect(clean.startsWith('/')).toBe(false);
            expect(clean.split('/')).not.toContain('..');
            expect(cleanName(clean, 'it')).toBe(clean);
          } catch (error) {
            if (!isOciError(error, 'CONTENT_INVALID')) throw error;
          }
        }
      }),
    );
  });
});
