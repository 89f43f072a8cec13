import { basename } from 'node:path';

/**
 * The line as this program takes it, when it was called as a peer is: by a link of the peer's name, or with the name in
 * `OCILOT_COMPAT`. crane's commands are those of `image`.
 * @param program the path it was called by
 */
export function lineAsCalled(
  line: readonly string[],
  program: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const name = env['OCILOT_COMPAT'] || basename(program ?? '');
  return name === 'crane' ? ['image', ...line] : line;
}

/** What errors begin with: as the peer's do, where this is called as a peer is. */
export function errorPrefix(env: Readonly<Record<string, string | undefined>>): string {
  const name = env['OCILOT_COMPAT'];
  return name === 'imgpkg' ? 'imgpkg: Error' : name === 'crane' ? 'Error' : 'ocilot';
}

/** Whether this is to be imgpkg: its streams, its archives, its way to tell of errors. */
export function isCalledImgpkg(env: Readonly<Record<string, string | undefined>>): boolean {
  return env['OCILOT_COMPAT'] === 'imgpkg';
}

/** Flags of imgpkg's that may stand before the verb. */
const EARLY = /^(?:-y|--(?:color|column|debug|json|tty|yes)(?:=.*)?)$/;

/** The line with such flags behind everything else, where each command takes them. */
export function earlyFlagsLast(line: readonly string[]): readonly string[] {
  const verb = line.findIndex((word) => !EARLY.test(word));
  return verb <= 0 ? line : [...line.slice(verb), ...line.slice(0, verb)];
}
