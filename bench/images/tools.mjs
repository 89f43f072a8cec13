import { join } from 'node:path';
import { firstLine } from '../lib/machine.mjs';

/** @typedef {import('./places.mjs').Place} Place */
/** @typedef {import("../lib/commands.mjs").Command} Command */

/**
 * A way to do the work: commands that run one after another. A way that a program does not have is undefined.
 * @typedef {object} Tool
 * @property {string} id
 * @property {string} [dist] our build, for ours
 * @property {(from: Place, to: Place, tags: readonly string[]) => Command[] | undefined} copy every tag that is named
 * @property {(reference: string) => Command | undefined} digest
 * @property {(reference: string) => Command | undefined} manifest
 * @property {(repository: string) => Command | undefined} list
 * @property {(order: AppendOrder) => Command[] | undefined} append
 *
 * A folder that is to be the one layer of an image.
 * @typedef {{ folder: string, reference: string, work: string }} AppendOrder
 */

/** @param {Place} place */
const repositoryOf = (place) =>
  place.kind === 'registry' ? `${place.server.host}/${place.repository}` : undefined;

/**
 * Ours, of a build.
 * @param {string} dist
 * @returns {Tool}
 */
export function ocilot(dist) {
  /** @param {string[]} args @returns {Command} */
  const image = (...args) => [process.execPath, [join(dist, 'cli.js'), 'image', ...args]];
  /** @param {Place} place */
  const named = (place) => (place.kind === 'layout' ? `oci:${place.folder}` : (repositoryOf(place) ?? ''));
  return {
    id: 'ocilot',
    dist,
    copy: (from, to, [tag, ...more]) =>
      more.length === 0
        ? [image('copy', `${named(from)}:${tag}`, `${named(to)}:${tag}`)]
        : [image('copy', '-a', named(from), named(to))],
    digest: (reference) => image('digest', reference),
    manifest: (reference) => image('manifest', reference),
    list: (repository) => image('ls', repository),
    append: ({ folder, reference }) => [
      image('append', '--oci-empty-base', '-f', `${folder}:/data`, '-t', reference),
    ],
  };
}

/** skopeo, an image a call. With umoci it makes layers. @type {Tool} */
const skopeoCopy = {
  id: 'skopeo copy',
  copy: (from, to, tags) =>
    tags.map((tag) => [
      'skopeo',
      [
        '--insecure-policy',
        'copy',
        '--quiet',
        '--preserve-digests',
        '--src-tls-verify=false',
        '--dest-tls-verify=false',
        skopeoName(from, tag),
        skopeoName(to, tag),
      ],
    ]),
  digest: (reference) => inspect(reference, '--no-tags', '--format', '{{.Digest}}'),
  manifest: (reference) => inspect(reference, '--raw'),
  list: (repository) => ['skopeo', ['list-tags', '--tls-verify=false', `docker://${repository}`]],
  append: ({ folder, reference, work }) => {
    const layout = join(work, 'layout');
    if (firstLine('umoci', ['--version']) === undefined) return undefined;
    return [
      ['umoci', ['init', '--layout', layout]],
      ['umoci', ['new', '--image', `${layout}:new`]],
      ['umoci', ['insert', '--rootless', '--image', `${layout}:new`, folder, '/data']],
      [
        'skopeo',
        [
          '--insecure-policy',
          'copy',
          '--quiet',
          '--dest-tls-verify=false',
          `oci:${layout}:new`,
          `docker://${reference}`,
        ],
      ],
    ];
  },
};

/** skopeo, a repository a call: between registries only. @type {Tool} */
const skopeoSync = {
  id: 'skopeo sync',
  copy: (from, to) => {
    // It keeps the last part of the name.
    const target = repositoryOf(to)?.replace(/\/[^/]+$/, '');
    const source = repositoryOf(from);
    if (source === undefined || target === undefined) return undefined;
    return [
      [
        'skopeo',
        [
          '--insecure-policy',
          'sync',
          '--preserve-digests',
          '--src-tls-verify=false',
          '--dest-tls-verify=false',
          '--src',
          'docker',
          '--dest',
          'docker',
          source,
          target,
        ],
      ],
    ];
  },
  digest: () => undefined,
  manifest: () => undefined,
  list: () => undefined,
  append: () => undefined,
};

/** @type {Tool} */
const crane = {
  id: 'crane',
  copy: (from, to, [tag = '', ...more]) => {
    const source = repositoryOf(from);
    const target = repositoryOf(to);
    if (source === undefined) return undefined;
    if (target !== undefined && more.length > 0)
      return [['crane', ['copy', '--insecure', '-a', source, target]]];
    if (target !== undefined)
      return [['crane', ['copy', '--insecure', `${source}:${tag}`, `${target}:${tag}`]]];
    const folder = to.kind === 'layout' ? to.folder : '';
    const names = [tag, ...more].map((name) => `${source}:${name}`);
    return [['crane', ['pull', '--insecure', '--format', 'oci', ...names, folder]]];
  },
  digest: (reference) => ['crane', ['digest', '--insecure', reference]],
  manifest: (reference) => ['crane', ['manifest', '--insecure', reference]],
  list: (repository) => ['crane', ['ls', '--insecure', repository]],
  append: ({ folder, reference, work }) => {
    const tar = join(work, 'layer.tar');
    return [
      ['tar', ['-C', folder, '--transform', 's,^\\./,data/,', '-cf', tar, '.']],
      ['crane', ['append', '--insecure', '--oci-empty-base', '-f', tar, '-t', reference]],
    ];
  },
};

/** The peers that are installed. @returns {Tool[]} */
export function peers() {
  return [
    ...(firstLine('skopeo', ['--version']) === undefined ? [] : [skopeoCopy, skopeoSync]),
    ...(firstLine('crane', ['version']) === undefined ? [] : [crane]),
  ];
}

/**
 * @param {Place} place
 * @param {string} tag
 */
const skopeoName = (place, tag) =>
  place.kind === 'layout' ? `oci:${place.folder}:${tag}` : `docker://${repositoryOf(place)}:${tag}`;

/**
 * @param {string} reference
 * @param {string[]} args
 * @returns {Command}
 */
const inspect = (reference, ...args) => [
  'skopeo',
  ['inspect', '--tls-verify=false', ...args, `docker://${reference}`],
];
