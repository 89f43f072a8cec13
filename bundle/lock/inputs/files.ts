import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, collect, quote, type ByteStream } from '../../../oci/index.js';
import { ifThere } from '../../../image/layout/files.js';
import { YAML_LIMIT } from '../../yaml/read.js';
import { chartImages, type ChartOptions } from './chart.js';
import { together, type Mentions } from './mention.js';
import { imagesInText } from './text.js';

/** How files are read. */
export interface InputOptions extends ChartOptions {
  /** What `-` stands for. */
  readonly input?: ByteStream;
}

/**
 * The images that files speak of, in their order: lists, YAML and JSON, compose files, Helm charts, and folders of all
 * these; `-` is the standard input.
 * @throws OciError `INVALID_OPTION` for a path that is not there, and what reading them throws
 */
export async function imagesInFiles(paths: readonly string[], options: InputOptions = {}): Promise<Mentions> {
  const found: Mentions[] = [];
  // oxlint-disable-next-line no-await-in-loop -- one helm at a time
  for (const path of paths) found.push(await imagesAt(path, options));
  return together(found);
}

async function imagesAt(path: string, options: InputOptions): Promise<Mentions> {
  const { input, environment = process.env, signal } = options;
  if (path === '-') {
    if (input === undefined)
      throw new OciError('INVALID_OPTION', '- is the standard input, and there is none');
    const bytes = await collect(input, YAML_LIMIT, 'the standard input');
    return imagesInText(Buffer.from(bytes).toString(), 'the standard input', environment);
  }
  signal?.throwIfAborted();
  const facts = await ifThere(stat(path));
  if (facts === undefined)
    throw new OciError('INVALID_OPTION', `${quote(path)} cannot be read: there is no such file`);
  if (facts.isDirectory()) return await imagesInFolder(path, options);
  if (/\.t(?:ar\.)?gz$/.test(path)) return await chartImages(path, options);
  if (facts.size > YAML_LIMIT)
    throw new OciError('SIZE_LIMIT', `${quote(path)} is larger than ${YAML_LIMIT} bytes`);
  return imagesInText(await readFile(path, 'utf8'), path, environment);
}

/** Charts as charts, and of everything else the YAML and JSON; what is hidden is left out. */
async function imagesInFolder(path: string, options: InputOptions): Promise<Mentions> {
  const entries = await readdir(path, { withFileTypes: true });
  if (entries.some(({ name }) => name === 'Chart.yaml')) return await chartImages(path, options);
  const inner = entries
    .filter((entry) => !entry.name.startsWith('.'))
    .filter((entry) => entry.isDirectory() || /\.(?:ya?ml|json)$/i.test(entry.name))
    .map(({ name }) => join(path, name));
  return await imagesInFiles(inner.toSorted(), options);
}
