import { OciError, isObject, quote } from '../../../oci/index.js';
import type { Mention, Mentions } from './mention.js';

const CONTAINERS = new Set(['containers', 'initContainers', 'ephemeralContainers']);
/** Objects in objects: more than any schema has. */
const DEPTH = 200;

/**
 * The images in an object of Kubernetes, or of any kind: `image` fields at any depth, those of containers for certain, and
 * `image.reference` of image volumes.
 * @throws OciError `CONTENT_INVALID` for a kustomization, which lists no images until it is built
 */
export function kubernetesImages(document: unknown, file: string): Mentions {
  if (isObject(document) && (document.kind === 'Kustomization' || isKustomization(document)))
    throw new OciError(
      'CONTENT_INVALID',
      `${file} is a kustomization, which is not built yet: pipe \`kustomize build\` into -f -`,
    );
  const images: Mention[] = [];
  const visit = (value: unknown, path: string, certain: boolean, depth: number): void => {
    if (depth > DEPTH) throw new OciError('CONTENT_INVALID', `${file} is nested more than ${DEPTH} deep`);
    if (Array.isArray(value)) value.forEach((item, at) => visit(item, `${path}[${at}]`, certain, depth + 1));
    if (!isObject(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      const below = path === '' ? key : `${path}.${key}`;
      const text = key === 'image' ? imageText(inner) : undefined;
      if (text === undefined) visit(inner, below, CONTAINERS.has(key), depth + 1);
      else if (text !== '') images.push({ text, where: `${file}: ${below}`, certain });
    }
  };
  visit(document, '', false, 0);
  return { images, notices: [] };
}

/** Kustomizations need not say what they are. */
const isKustomization = (document: Readonly<Record<string, unknown>>): boolean =>
  document.kind === undefined && Array.isArray(document.resources) && document.spec === undefined;

function imageText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim();
  return isObject(value) && typeof value.reference === 'string' ? value.reference : undefined;
}

/** Images of a list in YAML: texts alone, or with other things that have images. */
export function listedImages(list: readonly unknown[], file: string): Mentions {
  const texts = list.filter((item) => typeof item === 'string');
  const wrong = texts.find((text) => text.trim() === '');
  if (wrong !== undefined) throw new OciError('CONTENT_INVALID', `${file}: ${quote(wrong)} is no image`);
  const found = list.map((item, at) =>
    typeof item === 'string'
      ? { images: [{ text: item.trim(), where: `${file}: [${at}]`, certain: true }], notices: [] }
      : kubernetesImages(item, `${file}: [${at}]`),
  );
  return { images: found.flatMap(({ images }) => images), notices: [] };
}
