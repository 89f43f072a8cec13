import { Command } from 'commander';
import { withImageOptions } from './options.js';

/** Groups of commands: what they hold is named by a second word. */
const GROUPS = new Set(['auth', 'edit', 'index', 'layout', 'registry']);
/** Commands that talk to no registry. */
const LOCAL = new Set(['layout', 'registry', 'version']);

/** Flags of crane that scripts may spell `--fast=true`, as Go programs take them. */
const TRUTHS =
  /^--(insecure|verbose|allow-nondistributable-artifacts|all-tags|no-clobber|full-ref|omit-digest-tags|recursive|json|index|annotate-ref|fast|oci-empty-base|docker-empty-base|set-base-image-annotations|header|push|password-stdin)=(true|false)$/;

/**
 * Puts options that stand before a command of `image` behind it, as crane takes them: `image --insecure ls app`.
 * Commands that talk to no registry get none of them. `--flag=true` becomes `--flag`, and `--flag=false` nothing.
 */
export function arrangeImageLine([image = 'image', ...rest]: readonly string[]): readonly string[] {
  const { options } = withImageOptions(new Command());
  const before: string[] = [];
  const words = rest.flatMap((word) => {
    const [, flag, truth] = TRUTHS.exec(word) ?? [];
    return flag === undefined ? [word] : truth === 'true' ? [`--${flag}`] : [];
  });
  while (words[0]?.startsWith('-') === true && !['-h', '--help'].includes(words[0])) {
    const word = words.shift() ?? '';
    const option = options.find(({ long, short }) => word === long || word === short);
    before.push(word, ...(option?.required === true ? words.splice(0, 1) : []));
  }
  const [name = ''] = words;
  const named = words.splice(0, GROUPS.has(name) ? 2 : 1);
  return [image, ...named, ...(LOCAL.has(name) ? [] : before), ...words];
}
