import { join } from 'node:path';
import { firstLine } from '../lib/machine.mjs';

/** @typedef {import('../lib/commands.mjs').Command} Command */

/**
 * What is copied, and where from: the repositories that `bundle` and `index` are in, or a file that this tool wrote.
 * @typedef {{ bundle: string, index: string } | { file: string }} From
 * @typedef {{ repository: string } | { file: string }} To
 *
 * @typedef {object} Tool
 * @property {(order: { kind: 'bundle' | 'image', folder: string, reference: string }) => Command} push
 * @property {boolean} pushes whether what it pushes is in a registry afterwards
 * @property {(order: { reference: string, layer: string, output: string }) => Command} pull into a folder that is empty
 * @property {((from: From, to: To) => Command) | undefined} copy
 */

/**
 * imgpkg's verbs and flags, which are ours too.
 * @param {(...args: string[]) => Command} command
 * @returns {Tool}
 */
const bundler = (command) => ({
  push: ({ kind, folder, reference }) =>
    command('push', kind === 'bundle' ? '-b' : '-i', reference, '-f', folder),
  pushes: true,
  pull: ({ reference, output }) => command('pull', '-b', reference, '-o', output),
  copy: (from, to) =>
    command(
      'copy',
      ...('file' in from ? ['--tar', from.file] : ['-b', from.bundle]),
      ...('file' in to ? ['--to-tar', to.file] : ['--to-repo', to.repository]),
    ),
});

/** @param {string} dist of a build of ours */
export const ocilot = (dist) => bundler((...args) => [process.execPath, [join(dist, 'cli.js'), ...args]]);

export const imgpkg = bundler((...args) => ['imgpkg', args]);

/**
 * What has to be done in any case, by the programs of every system: no bundle is checked, none is sent anywhere by `push`,
 * and `pull` has the layer already.
 * @returns {Tool}
 */
export function floor() {
  const skopeo = firstLine('skopeo', ['--version']) !== undefined;
  return {
    push: ({ folder }) => ['sh', ['-c', 'tar -C "$1" -cf - . | gzip -1 >/dev/null', 'sh', folder]],
    pushes: false,
    pull: ({ layer, output }) => ['sh', ['-c', 'mkdir "$2" && tar -xzf "$1" -C "$2"', 'sh', layer, output]],
    copy: skopeo ? skopeoCopy : undefined,
  };
}

/**
 * The index alone; the bundle that lists it is not copied.
 * @param {From} from
 * @param {To} to
 * @returns {Command}
 */
const skopeoCopy = (from, to) => [
  'skopeo',
  [
    '--insecure-policy',
    'copy',
    '--quiet',
    '--all',
    '--preserve-digests',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    'file' in from ? `oci-archive:${from.file}` : `docker://${from.index}`,
    'file' in to ? `oci-archive:${to.file}` : `docker://${to.repository}`,
  ],
];
