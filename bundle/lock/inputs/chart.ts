import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError, isObject, printable, type CallOptions } from '../../../oci/index.js';
import { isMissingProgram, runProgram } from '../../../client/credentials/run-program.js';
import { ifThere } from '../../../image/layout/files.js';
import { YAML_LIMIT } from '../../yaml/read.js';
import type { Environment } from './compose.js';
import { together, type Mention, type Mentions } from './mention.js';
import { imagesInText, parseDocuments } from './text.js';

/** How charts are read. */
export interface ChartOptions extends CallOptions {
  /** Its `PATH` is where helm is looked for. Default `process.env`. */
  readonly environment?: Environment;
}

/** Milliseconds that helm may take. */
const TIMEOUT = 120_000;

/**
 * The images of a Helm chart: those in what helm makes of it, or, where there is no helm, those that its values and
 * templates name as they stand.
 * @param path a folder with a `Chart.yaml`, or a packed chart
 * @throws OciError `CONTENT_INVALID` for what helm refuses, `INVALID_OPTION` for a packed chart without helm
 */
export async function chartImages(
  path: string,
  { environment = process.env, signal }: ChartOptions = {},
): Promise<Mentions> {
  try {
    const { code, output, errors } = await runProgram('helm', ['template', 'release', path], {
      environment,
      timeout: TIMEOUT,
      limit: YAML_LIMIT,
      ...(signal && { signal }),
    });
    if (code !== 0)
      throw new OciError('CONTENT_INVALID', `helm template ${path} failed: ${printable(errors.trim())}`);
    return imagesInText(output, `${path} (rendered).yaml`);
  } catch (error) {
    if (!isMissingProgram(error)) throw error;
  }
  if (/\.t(?:ar\.)?gz$/.test(path))
    throw new OciError(
      'INVALID_OPTION',
      `${path} is a packed chart, and helm is not on the PATH: unpack it, or install helm`,
    );
  const scanned = await scanChart(path);
  const notice = `${path}: helm is not on the PATH, so only its values and templates were scanned; images that templates put together may be missing`;
  return { images: scanned.images, notices: [notice, ...scanned.notices] };
}

async function scanChart(path: string): Promise<Mentions> {
  const metadata = await documentOf(join(path, 'Chart.yaml'));
  const version = typeof metadata.appVersion === 'string' ? metadata.appVersion : '';
  const values = valueImages(await documentOf(join(path, 'values.yaml')), version, join(path, 'values.yaml'));
  const folder = join(path, 'templates');
  const templates = await filesBelow(folder, /\.(?:ya?ml|tpl)$/i);
  const literal = await Promise.all(
    templates.map(async (name) =>
      templateImages(await readFile(join(folder, name), 'utf8'), join(folder, name)),
    ),
  );
  const inner = (await ifThere(readdir(join(path, 'charts'), { withFileTypes: true }))) ?? [];
  const charts = inner.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, 'charts', name));
  return together([values, ...literal, ...(await Promise.all(charts.toSorted().map(scanChart)))]);
}

async function documentOf(path: string): Promise<Record<string, unknown>> {
  const text = await ifThere(readFile(path, 'utf8'));
  const [document] = text === undefined ? [] : parseDocuments(text, path);
  return isObject(document) ? document : {};
}

async function filesBelow(folder: string, pattern: RegExp): Promise<string[]> {
  const names = (await ifThere(readdir(folder, { recursive: true }))) ?? [];
  return names.filter((name) => pattern.test(name)).toSorted();
}

/** `image: text`, and maps with a repository and what chart authors put beside it. */
function valueImages(values: unknown, version: string, file: string): Mentions {
  const images: Mention[] = [];
  const visit = (value: unknown, path: string, registry: string): void => {
    if (Array.isArray(value)) value.forEach((item, at) => visit(item, `${path}[${at}]`, registry));
    if (!isObject(value)) return;
    const { repository } = value;
    const isImage = /(?:^|\.|i)mage$/i.test(path) || 'tag' in value || 'digest' in value;
    if (typeof repository === 'string' && repository !== '' && isImage)
      images.push({
        text: composed({ ...value, registry: textOf(value.registry) || registry, repository }, version),
        where: `${file}: ${path}`,
        certain: false,
      });
    for (const [key, inner] of Object.entries(value)) {
      const below = path === '' ? key : `${path}.${key}`;
      if (typeof inner === 'string' && /(?:^i|I)mage$/.test(key) && inner !== '')
        images.push({ text: inner, where: `${file}: ${below}`, certain: false });
      else visit(inner, below, registry);
    }
  };
  const global = isObject(values) && isObject(values.global) ? values.global : {};
  visit(values, '', textOf(global.imageRegistry));
  return { images, notices: [] };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function composed(value: Readonly<Record<string, unknown>>, version: string): string {
  const registry = textOf(value.registry);
  const name = `${registry === '' ? '' : `${registry}/`}${textOf(value.repository)}`;
  if (textOf(value.digest) !== '') return `${name}@${textOf(value.digest)}`;
  const tag = textOf(value.tag) || version;
  return tag === '' ? name : `${name}:${tag}`;
}

/** Images that a template names without composing them. */
function templateImages(text: string, file: string): Mentions {
  const images = text.split(/\r?\n/).flatMap((line, at) => {
    const [, quoted, plain] =
      /^\s*(?:- )?image:\s*(?:["']([^"'{}]+)["']|([^\s"'{}#]+))\s*(?:#.*)?$/.exec(line) ?? [];
    const found = quoted ?? plain;
    return found === undefined ? [] : [{ text: found, where: `${file}:${at + 1}`, certain: false }];
  });
  return { images, notices: [] };
}
