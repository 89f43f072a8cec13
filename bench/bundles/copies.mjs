import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { run } from '../lib/processes.mjs';
import { expectHead, verify } from '../registry/protocol.mjs';

/** @typedef {import('../registry/servers.mjs').Server} Server */
/** @typedef {import('./content.mjs').IndexContent} IndexContent */
/** @typedef {import('./rows.js').Bench} Bench */
/** @typedef {import('./rows.js').BundlesRow} BundlesRow */
/** @typedef {import('./rows.js').Contender} Contender */

const ACCEPT = {
  accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
};

/**
 * Fails unless a repository has the index and all below it, each blob with the bytes that its digest names.
 * @param {Server} server
 * @param {string} repository
 * @param {IndexContent} content
 */
async function expectIndex(server, repository, { index, manifests, blobs }) {
  const wire = server.connect();
  try {
    for (const manifest of [index, ...manifests])
      await expectHead(wire, `/v2/${repository}/manifests/${manifest.digest}`, manifest, ACCEPT);
    for (const { digest, size } of blobs)
      await verify(wire, repository, { digest, size, pieces: () => [], chunks: () => [] });
  } finally {
    wire.close();
  }
}

/**
 * Fails unless an archive has all blobs, as entries whose names hold their digests.
 * @param {string} file
 * @param {IndexContent} content
 */
async function expectArchive(file, { blobs }) {
  const archive = extract();
  const read = pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), archive);
  read.catch(() => undefined);
  /** @type {Set<string>} */
  const found = new Set();
  for await (const entry of archive) {
    const named = /[0-9a-f]{64}/.exec(entry.header.name)?.[0];
    const hash = createHash('sha256');
    for await (const chunk of entry) hash.update(chunk);
    if (named !== undefined && hash.digest('hex') === named) found.add(`sha256:${named}`);
  }
  await read;
  const missing = blobs.find(({ digest }) => !found.has(digest));
  if (missing !== undefined) throw new Error(`the archive does not have ${missing.digest}`);
}

/** Archives that contenders wrote, to be read by the same. @type {Map<Contender, Promise<string>>} */
const archives = new Map();

/**
 * @param {Contender} contender
 * @param {Bench} bench
 */
async function archiveOf({ tool }, { folder, fresh, bundle }) {
  const file = join(folder, `${fresh()}.tar`);
  const command = tool.copy?.(await bundle(), { file });
  if (command !== undefined) await run(...command);
  return file;
}

/**
 * What a row copies, and how it is seen that it did. Undefined where the contender has no such way.
 * @typedef {(copy: NonNullable<Contender['tool']['copy']>, contender: Contender, bench: Bench, time: (command: import('../lib/commands.mjs').Command) => Promise<number>) => Promise<number>} Work
 */

/** @type {Record<'same' | 'other' | 'to-tar' | 'from-tar', Work>} */
const ways = {
  same: async (copy, _contender, { source, bundle, fresh }, time) => {
    const from = await bundle();
    const repository = `${fresh()}/all`;
    const seconds = await time(copy(from, { repository: `${source.host}/${repository}` }));
    await expectIndex(source, repository, from.content);
    return seconds;
  },
  other: async (copy, _contender, { withServer, bundle }, time) => {
    const from = await bundle();
    return await withServer(async (server) => {
      const seconds = await time(copy(from, { repository: `${server.host}/far/all` }));
      await expectIndex(server, 'far/all', from.content);
      return seconds;
    });
  },
  'to-tar': async (copy, _contender, { folder, bundle, fresh }, time) => {
    const from = await bundle();
    const file = join(folder, `${fresh()}.tar`);
    try {
      const seconds = await time(copy(from, { file }));
      await expectArchive(file, from.content);
      return seconds;
    } finally {
      await rm(file, { force: true });
    }
  },
  'from-tar': async (copy, contender, bench, time) => {
    const { content } = await bench.bundle();
    const made = archives.get(contender) ?? archiveOf(contender, bench);
    archives.set(contender, made);
    const file = await made;
    return await bench.withServer(async (server) => {
      const seconds = await time(copy({ file }, { repository: `${server.host}/far/all` }));
      await expectIndex(server, 'far/all', content);
      return seconds;
    });
  },
};

/**
 * @param {keyof typeof ways} way
 * @param {string} label
 * @returns {BundlesRow}
 */
const copyRow = (way, label) => ({
  id: `copy-${way}`,
  label,
  unit: 's',
  better: 'less',
  measure: async (contender, bench) => {
    const { copy } = contender.tool;
    if (copy === undefined) throw new Error('it has no way to do this');
    return await ways[way](copy, contender, bench, (command) =>
      bench.timed(`copy-${way}`, contender, [command]),
    );
  },
});

/**
 * @param {string} what how the content is called
 * @returns {BundlesRow[]}
 */
export const copyRows = (what) => [
  copyRow('same', `copy of ${what} within a registry`),
  copyRow('other', 'the same, registry to registry'),
  copyRow('to-tar', 'the same, registry to tar'),
  copyRow('from-tar', 'the same, tar to registry'),
];
