// The licence text of every package whose code stands in the bundle.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** @param {string} root @param {import('esbuild').Metafile} metafile */
export function notices(root, metafile) {
  const folders = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (match) folders.add(match[0]);
  }
  const parts = [...folders].toSorted().map((folder) => {
    const pkg = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
    const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : `Licence: ${pkg.license}`;
    return `${pkg.name} ${pkg.version} (${pkg.license})\n\n${text}\n`;
  });
  return `Ocilot contains code of these packages.\n\n${parts.join('\n' + '-'.repeat(80) + '\n\n')}`;
}
