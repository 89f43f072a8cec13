import { OciError, quote } from '../../oci/index.js';

/** Longest user name, in characters. */
const NAME_LIMIT = 255;

/** What rules mean by these is not a user. */
const RESERVED: ReadonlySet<string> = new Set(['*', 'authenticated']);

const BCRYPT = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

/** True for a bcrypt hash as `htpasswd -B` and `ocilot user add` write it. */
export function isBcrypt(text: string): boolean {
  return BCRYPT.test(text);
}

/**
 * Checks the name of a user: no colon, for it ends the name, and nothing that rules or files mean otherwise.
 * @throws OciError `INVALID_OPTION`
 */
export function checkUserName(name: string): string {
  const problem = problemOf(name);
  if (problem === undefined) return name;
  throw new OciError('INVALID_OPTION', `user name ${quote(name)} is not valid: ${problem}`);
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > NAME_LIMIT) return `it is longer than ${NAME_LIMIT} characters`;
  if (/[:\p{C}\p{Zl}\p{Zp}]/u.test(name)) return 'it has a colon or a control character';
  if (name.startsWith('#') || name.trim() !== name) return 'it starts with # or has spaces around it';
  return RESERVED.has(name) ? 'rules use it for more than one user' : undefined;
}

/**
 * Reads an htpasswd file. Blank lines and those that start with `#` are skipped; only bcrypt is read.
 * @param path where it came from, for the message
 * @returns the hash of each user
 * @throws OciError `INVALID_OPTION` that names every line that is wrong, and no hash
 */
export function parseHtpasswd(text: string, path: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const hash = line.slice(colon + 1).trimEnd();
    const problem =
      colon < 0
        ? 'has no colon between user and hash'
        : problemOf(name) !== undefined
          ? `has a user name that is not valid: ${problemOf(name)}`
          : users.has(name)
            ? `names ${quote(name)} a second time`
            : isBcrypt(hash)
              ? undefined
              : `has a hash for ${quote(name)} that is not bcrypt`;
    if (problem === undefined) users.set(name, hash);
    else problems.push(`line ${index + 1} ${problem}`);
  }
  if (problems.length === 0) return users;
  const shown = problems.length > 5 ? [...problems.slice(0, 5), `${problems.length - 5} more`] : problems;
  throw new OciError(
    'INVALID_OPTION',
    `htpasswd file ${path} is not valid: ${shown.join('; ')}. Write users with "ocilot user add" or "htpasswd -B"`,
  );
}

/** The name that a line of an htpasswd file is about; undefined for comments and blank lines. */
export function userOfLine(line: string): string | undefined {
  const colon = line.indexOf(':');
  return colon < 0 || line.startsWith('#') ? undefined : line.slice(0, colon);
}
