/** One way to authenticate that a server offers (RFC 9110, section 11.3). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case; of several with one name the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer headers are cut. */
const LENGTH_LIMIT = 16 * 1024;

const GAP = /[\s,]*/y;
const NAME = /[\w!#$%&'*+.^`|~-]+/y;
const EQUALS = /\s*=\s*/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/y;
/** Some servers leave out the quotes, even round actions with commas between them. */
const UNQUOTED = /[^\s,"]*(?:,(?:pull|push|delete|\*)(?=[\s,]|$))*/y;
/** Credentials in one piece, as `Negotiate` has them. */
const TOKEN68 = /[ \t]+[\w.~+/-]+=*(?=\s*(?:,|$))/y;

/** Reads along a text. */
class Cursor {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Takes what fits here; undefined, and no step, when nothing does. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match !== null) this.at = pattern.lastIndex;
    return match ?? undefined;
  }
}

/**
 * Reads `WWW-Authenticate`: several challenges, in one header or joined from many. What cannot be read is left out; the
 * text comes from outside, and no text is an error.
 */
export function parseChallenges(header: string): Challenge[] {
  const cursor = new Cursor(header.slice(0, LENGTH_LIMIT));
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  while (cursor.at < cursor.text.length) {
    cursor.take(GAP);
    const name = cursor.take(NAME)?.[0].toLowerCase();
    if (name === undefined) {
      cursor.at++;
      continue;
    }
    if (cursor.take(EQUALS) === undefined) {
      challenges.push({ scheme: name, parameters: new Map() });
      cursor.take(TOKEN68);
      continue;
    }
    const value = takeValue(cursor);
    const parameters = challenges.at(-1)?.parameters;
    if (parameters?.has(name) === false) parameters.set(name, value);
  }
  return challenges;
}

function takeValue(cursor: Cursor): string {
  const quoted = cursor.take(QUOTED)?.[1];
  if (quoted !== undefined) return quoted.replaceAll(/\\([^])/g, '$1');
  return cursor.take(UNQUOTED)?.[0] ?? '';
}

/** The challenge to answer: the first Bearer that says where tokens are had, else the first Basic. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm')) ??
    challenges.find(({ scheme }) => scheme === 'basic')
  );
}
