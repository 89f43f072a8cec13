import { parseAllDocuments } from 'yaml';
import { OciError, isObject, printable } from '../../../oci/index.js';
import { YAML_LIMIT, invalid } from '../../yaml/read.js';
import { composeImages, isCompose, type Environment } from './compose.js';
import { kubernetesImages, listedImages } from './kubernetes.js';
import { together, type Mentions } from './mention.js';

/**
 * The images that a text speaks of: a list of references with one on each line, Kubernetes' YAML or JSON in one or several
 * documents, a compose file, a lock file.
 * @param file names it in messages
 * @throws OciError `CONTENT_INVALID`, `SIZE_LIMIT`, `INVALID_OPTION` for variables that are not set
 */
export function imagesInText(text: string, file: string, environment: Environment = {}): Mentions {
  if (text.length > YAML_LIMIT)
    throw new OciError('SIZE_LIMIT', `${file} is larger than ${YAML_LIMIT} bytes`);
  if (!looksLikeYaml(text, file)) return imagesInLines(text, file);
  const documents = parseDocuments(text, file);
  return together(
    documents.map((document, at) => {
      const name = documents.length > 1 ? `${file} (document ${at + 1})` : file;
      if (Array.isArray(document)) return listedImages(document, name);
      return isObject(document) && isCompose(document)
        ? composeImages(document, name, environment)
        : kubernetesImages(document, name);
    }),
  );
}

/** A line of YAML that no list of references has: a key, an item, the begin of a document, JSON. */
const YAML_LINE = /^\s*(?:---|[[{]|- |["']?[\w./-]+["']?\s*:(?:\s|$))/m;

const looksLikeYaml = (text: string, file: string): boolean =>
  /\.(?:ya?ml|json)$/i.test(file) || YAML_LINE.test(text);

function imagesInLines(text: string, file: string): Mentions {
  const images = text.split(/\r?\n/).flatMap((line, at) => {
    const wanted = line.replace(/(?:^|\s)#.*$/, '').trim();
    return wanted === '' ? [] : [{ text: wanted, where: `${file}:${at + 1}`, certain: true }];
  });
  return { images, notices: [] };
}

/**
 * Documents in which all scalars are text: a tag 1.10 is no number. Empty documents are left out.
 * @throws OciError `CONTENT_INVALID`
 */
export function parseDocuments(text: string, file: string): unknown[] {
  // In this schema `<<` means nothing until merging is asked for.
  const documents = parseAllDocuments(text, { schema: 'failsafe', merge: true, uniqueKeys: true });
  return documents.flatMap((document) => {
    const error = document.errors[0];
    if (error !== undefined) throw invalid(file, printable(error.message.split('\n')[0] ?? ''), error);
    try {
      const value = document.toJS() as unknown;
      return value === null || value === '' ? [] : [value];
    } catch (cause) {
      // Too many aliases are found only when they are written out.
      throw invalid(file, printable((cause as Error).message), cause);
    }
  });
}
