import type { Command, Option } from 'commander';

/** An option as a shell needs to know it. */
export interface CompletionOption {
  /** As `--data` and `-o`. */
  readonly names: readonly string[];
  readonly meaning: string;
  /** What follows it: nothing, one of some words, a file, anything. */
  readonly value: 'none' | 'file' | 'any' | readonly string[];
}

/** A command as a shell needs to know it. */
export interface CompletionNode {
  /** The words that lead to it, behind the program's name. */
  readonly path: readonly string[];
  readonly meaning: string;
  readonly children: readonly CompletionNode[];
  readonly options: readonly CompletionOption[];
  /** Words that its arguments may be; files when undefined. */
  readonly words?: readonly string[];
}

/** What a tree of commands takes. */
export function completionTree(command: Command, path: readonly string[] = []): CompletionNode {
  const [argument] = command.registeredArguments;
  return {
    path,
    meaning: command.description(),
    children: command.commands.map((child) => completionTree(child, [...path, child.name()])),
    options: [...command.options.filter(({ hidden }) => !hidden).map(describeOption), HELP],
    ...(argument?.argChoices === undefined ? {} : { words: argument.argChoices }),
  };
}

/** Every command of a tree, the root first. */
export function flatten(node: CompletionNode): readonly CompletionNode[] {
  return [node, ...node.children.flatMap(flatten)];
}

const HELP: CompletionOption = { names: ['--help', '-h'], meaning: 'explain this', value: 'none' };

function describeOption(option: Option): CompletionOption {
  const names = [option.long, option.short].filter((name) => name !== undefined);
  return { names, meaning: option.description, value: valueOf(option) };
}

function valueOf({ argChoices, flags, required, optional }: Option): CompletionOption['value'] {
  if (argChoices !== undefined) return argChoices;
  if (/[<[](?:path|file|folder)[>\]]/.test(flags)) return 'file';
  return required ? 'any' : optional ? ['true', 'false'] : 'none';
}
