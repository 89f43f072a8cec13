/** One `WWW-Authenticate` challenge (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const SCHEME = /([a-zA-Z][\w-]*)(?=[\s,]|$)/y;
const PARAMETER = /([a-zA-Z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;
const GAP = /[\s,]*/y;

/** Reads all challenges of a header value; text that is none is passed over. */
export function parseChallenges(value: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < value.length) {
    take(GAP);
    const parameter = take(PARAMETER);
    const last = challenges.at(-1);
    if (parameter !== null && last !== undefined) {
      const [, name = '', quoted, bare = ''] = parameter;
      last.parameters[name.toLowerCase()] = quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, '$1');
      continue;
    }
    const scheme = take(SCHEME);
    if (scheme !== null) challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: {} });
    else at++;
  }
  return challenges;
}
