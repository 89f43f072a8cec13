import { OciError, isObject, quote } from '../../../oci/index.js';
import type { Mentions } from './mention.js';

/** Variables that a compose file may name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** True for a compose file: it has services, and is nothing of Kubernetes. */
export const isCompose = (document: Readonly<Record<string, unknown>>): boolean =>
  isObject(document.services) && document.kind === undefined && document.apiVersion === undefined;

/**
 * The images of the services of a compose file, variables filled in (compose-spec, "Interpolation").
 * @throws OciError `INVALID_OPTION` for a variable that nobody has set and that has no default
 */
export function composeImages(
  document: Readonly<Record<string, unknown>>,
  file: string,
  environment: Environment,
): Mentions {
  const images = [];
  const notices: string[] = [];
  for (const [name, service] of Object.entries(isObject(document.services) ? document.services : {})) {
    if (!isObject(service)) continue;
    const where = `${file}: services.${name}.image`;
    const { image, build } = service;
    if (typeof image === 'string' && image !== '')
      images.push({ text: interpolate(image, environment, where), where, certain: true });
    else if (build !== undefined)
      notices.push(`${file}: service ${quote(name)} is built and has no image that could be pinned`);
  }
  return { images, notices };
}

const VARIABLE = /\$(?:\$|(?<plain>\w+)|\{(?<name>\w+)(?:(?<sign>:?[-?+])(?<word>[^{}]*))?\})/g;

function interpolate(text: string, environment: Environment, where: string): string {
  return text.replace(VARIABLE, (...args) => {
    const { plain, name = plain, sign = '', word = '' } = args.at(-1) as Record<string, string | undefined>;
    if (name === undefined) return '$';
    const value = environment[name];
    const isSet = value !== undefined && !(sign.startsWith(':') && value === '');
    if (sign.endsWith('+')) return isSet ? word : '';
    if (isSet) return value;
    if (sign.endsWith('-')) return word;
    throw new OciError(
      'INVALID_OPTION',
      `${where} is ${quote(text)}, and ${name} is not set: set it in the environment`,
    );
  });
}
