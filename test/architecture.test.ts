import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Floor of each source folder; equal floors are siblings and may not meet. */
const FLOORS: Readonly<Record<string, number>> = {
  oci: 0,
  image: 1,
  registry: 2,
  client: 2,
  bundle: 3,
  build: 3,
  testing: 4,
  conformance: 4,
  cli: 5,
};

const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)/g;

interface Edge {
  readonly file: string;
  readonly target: string;
}

function sources(folder: string): string[] {
  // A floor may not be built yet.
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Edge[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((match) => ({ file, target: match[1] ?? match[2] ?? '' }));
}

const edges = Object.keys(FLOORS).flatMap((folder) => sources(folder).flatMap(importsOf));

/** The folder an import leads to, or undefined for a package. */
function folderOf({ file, target }: Edge): string | undefined {
  if (!target.startsWith('.')) return undefined;
  return relative(root, resolve(root, dirname(file), target)).split('/')[0];
}

describe('architecture', () => {
  it('every import leads to the same folder or a lower floor', () => {
    const broken = edges.filter((edge) => {
      const to = folderOf(edge);
      if (to === undefined) return false;
      const from = edge.file.split('/')[0] ?? '';
      const floor = FLOORS[to];
      return from !== to && (floor === undefined || floor >= (FLOORS[from] ?? -1));
    });
    expect(broken.map((edge) => `${edge.file} imports ${edge.target}`)).toEqual([]);
  });

  it('storage knows nothing of HTTP', () => {
    const broken = edges.filter(
      (edge) =>
        edge.file.startsWith('registry/storage/') &&
        /^(?:hono|node:http|@hono|\.\.\/(?!\.\.\/|storage))/.test(edge.target),
    );
    expect(broken.map((edge) => `${edge.file} imports ${edge.target}`)).toEqual([]);
  });

  it('native and heavy packages are imported on need only', () => {
    const broken = edges.filter((edge) => {
      const text = readFileSync(join(root, edge.file), 'utf8');
      const heavy = ['level', 'classic-level', 'zod', '@node-rs/bcrypt', 'undici', '@peculiar/x509'].includes(
        edge.target,
      );
      return heavy && new RegExp(`(?:import|export)\\s(?!type\\b)[^;]*from '${edge.target}'`).test(text);
    });
    const allowed = (edge: Edge): boolean => edge.target === 'zod' && edge.file === 'cli/serve-config.ts';
    expect(
      broken.filter((edge) => !allowed(edge)).map((edge) => `${edge.file} imports ${edge.target}`),
    ).toEqual([]);
  });
});
