import { Command } from 'commander';
import { withImageOptions } from './options.js';

/** Groups of commands: what they hold is named by a second word. */
const GROUPS = new Set(['auth', 'edit', 'index', 'layout', 'registry']);

/** Flags of crane that scripts may spell `--fast=true`, as Go programs take them. */
const TRUTHS =
  /^--(insecure|verbose|allow-nondistributable-artifacts|all-tags|no-clobber|full-ref|omit-digest-tags|recursive|json|index|annotate-ref|fast|oci-empty-base|docker-empty-base|set-base-image-annotations|header|push|password-stdin)=(?:(1|[Tt]|true|True|TRUE)|0|[Ff]|false|False|FALSE)$/;

/**
 * Puts options that stand before a command of `image`, or within its name, behind it, as crane takes them:
 * `image --insecure ls app`, `image index --insecure list app`. `--flag=true` becomes `--flag`, and `--flag=false` nothing.
 */
export function arrangeImageLine([image = 'image', ...rest]: readonly string[]): readonly string[] {
  const { options } = withImageOptions(new Command());
  const words = rest.flatMap((word) => {
    const [, flag, yes] = TRUTHS.exec(word) ?? [];
    return flag === undefined ? [word] : yes === undefined ? [] : [`--${flag}`];
  });
  const named: string[] = [];
  const before: string[] = [];
  while (named.length < (GROUPS.has(named[0] ?? '') ? 2 : 1)) {
    const word = words.shift();
    if (word === undefined) break;
    const option = options.find(({ long, short }) => word === long || word === short);
    if (['-h', '--help'].includes(word) || !word.startsWith('-')) named.push(word);
    else before.push(word, ...(option?.required === true ? words.splice(0, 1) : []));
  }
  return [image, ...named, ...before, ...words];
}
