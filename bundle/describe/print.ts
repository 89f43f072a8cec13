import type { Digest } from '../../oci/index.js';
import { byNaturalOrder } from '../yaml/natural-order.js';
import { printYaml } from '../yaml/print.js';
import type { DescribedBundle, DescribedImage } from './describe.js';

/** The description as YAML, as imgpkg prints it. */
export function describeAsYaml(bundle: DescribedBundle): string {
  return `sha: ${digestOf(bundle.image)}\n${printYaml(plainBundle(bundle))}`;
}

/** The same as JSON, with four spaces. */
export function describeAsJson(bundle: DescribedBundle): string {
  return `${JSON.stringify({ sha: digestOf(bundle.image), ...plainBundle(bundle) }, null, 4)}\n`;
}

const digestOf = (reference: string): string => reference.slice(reference.indexOf('@') + 1);

interface Plain {
  readonly [key: string]: Plain | readonly Plain[] | string;
}

function plainBundle({ image, origin, annotations, layers, bundles, images }: DescribedBundle): Plain {
  const content: Plain = {
    ...(Object.keys(bundles).length > 0 && { bundles: mapped(bundles, plainBundle) }),
    ...(Object.keys(images).length > 0 && { images: mapped(images, plainImage) }),
  };
  return {
    ...(annotations && { annotations }),
    content,
    image,
    ...plainLayers(layers),
    metadata: {},
    origin,
  };
}

function plainImage({ type, image, origin, annotations, layers, error }: DescribedImage): Plain {
  return {
    ...(annotations && { annotations }),
    ...(error !== undefined && { error }),
    ...(image !== undefined && { image }),
    imageType: type,
    ...plainLayers(layers),
    ...(origin !== undefined && { origin }),
  };
}

function plainLayers(layers: readonly Digest[] = []): Plain {
  return layers.length === 0 ? {} : { layers: layers.map((digest) => ({ digest })) };
}

/** Each value as it is printed, in the order of the keys. */
function mapped<T>(values: Readonly<Record<string, T>>, plain: (value: T) => Plain): Plain {
  return Object.fromEntries(sortedKeys(values).map((key) => [key, plain(values[key] as T)]));
}

const sortedKeys = (values: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(values).toSorted(byNaturalOrder);

/** The description as lines for people, as imgpkg prints them; bundles first, all sorted by where they are. */
export function describeAsText(bundle: DescribedBundle): readonly string[] {
  return [`Bundle SHA: ${digestOf(bundle.image)}`, '', 'Images:', ...contentLines(bundle, '  ')];
}

function contentLines({ bundles, images }: DescribedBundle, indent: string): string[] {
  const byPlace = <T extends { readonly image?: string }>(
    values: Readonly<Record<string, T>>,
  ): [string, T][] =>
    Object.entries(values).toSorted(([key, a], [other, b]) =>
      Buffer.compare(Buffer.from(a.image ?? key), Buffer.from(b.image ?? other)),
    );
  return [
    ...byPlace(bundles).flatMap(([, bundle]) => bundleLines(bundle, indent)),
    ...byPlace(images).flatMap(([key, image]) => imageLines(key, image, indent)),
  ];
}

function bundleLines(bundle: DescribedBundle, indent: string): string[] {
  const { image, origin, layers, annotations } = bundle;
  const content = contentLines(bundle, `${indent}  `);
  return [
    `${indent}- Image: ${image}`,
    `${indent}  Type: Bundle`,
    `${indent}  Origin: ${origin}`,
    ...layerLines(layers, indent),
    ...annotationLines(annotations, indent),
    ...(content.length > 0 ? [`${indent}  Images:`, ...content] : []),
  ];
}

function imageLines(key: string, described: DescribedImage, indent: string): string[] {
  const { type, image = key, origin, layers, annotations, error } = described;
  return [
    `${indent}- Image: ${image}`,
    `${indent}  Type: ${type}`,
    ...(type === 'Image' && origin !== undefined ? [`${indent}  Origin: ${origin}`] : []),
    ...(error === undefined ? [] : [`${indent}  Error: ${error}`]),
    ...layerLines(layers, indent),
    ...annotationLines(annotations, indent),
  ];
}

function layerLines(layers: readonly Digest[] = [], indent: string): string[] {
  return layers.length === 0
    ? []
    : [`${indent}  Layers:`, ...layers.map((digest) => `${indent}    - Digest: ${digest}`)];
}

function annotationLines(annotations: Readonly<Record<string, string>> = {}, indent: string): string[] {
  const keys = Object.keys(annotations).toSorted();
  return keys.length === 0
    ? []
    : [`${indent}  Annotations:`, ...keys.map((key) => `${indent}    ${key}: ${annotations[key]}`)];
}
