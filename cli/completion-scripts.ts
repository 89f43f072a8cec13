import { flatten, type CompletionNode, type CompletionOption } from './completion-tree.js';

/** Shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** A shell that there is a script for. */
export type Shell = (typeof SHELLS)[number];

/** The script that makes a shell complete the program's commands and options. */
export function completionScript(shell: Shell, program: string, root: CompletionNode): string {
  const nodes = flatten(root);
  return shell === 'fish' ? fish(program, nodes) : posix(shell, program, nodes);
}

/** A word in single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const wordsOf = ({ children, options, words }: CompletionNode): string[] => [
  ...children.map(({ path }) => path.at(-1) ?? ''),
  ...(words ?? []),
  ...options.flatMap(({ names }) => names),
];

/** Where a node is known by: its path with a blank before each word. */
const keyOf = ({ path }: CompletionNode): string => path.map((word) => ` ${word}`).join('');

/** bash and zsh: the path of the command is found among the words, then its list is offered. */
function posix(shell: 'bash' | 'zsh', program: string, nodes: readonly CompletionNode[]): string {
  const paths = nodes.filter(({ path }) => path.length > 0).map((node) => quoted(keyOf(node)));
  const name = `_${program}`;
  const values = nodes.flatMap((node) => node.options.flatMap((option) => valueCase(name, node, option)));
  const lists = nodes.map((node) => `    ${quoted(keyOf(node))}) list=${quoted(wordsOf(node).join(' '))} ;;`);
  const body = [`  case "$at:$before" in`, ...values, `  esac`, `  case "$at" in`, ...lists, `  esac`];
  return [
    ...(shell === 'bash' ? bash(program, name, paths, body) : zsh(program, name, paths, body)),
    '',
  ].join('\n');
}

function valueCase(name: string, node: CompletionNode, { names, value }: CompletionOption): string[] {
  if (value === 'none') return [];
  const patterns = names.map((option) => quoted(`${keyOf(node)}:${option}`)).join('|');
  const answer =
    typeof value === 'string' ? (value === 'file' ? 'files' : 'nothing') : `words ${quoted(value.join(' '))}`;
  return [`    ${patterns}) ${name}_${answer}; return ;;`];
}

function bash(program: string, name: string, paths: readonly string[], body: readonly string[]): string[] {
  return [
    `# bash completion for ${program}: source it, or put it into a folder of bash-completion.`,
    `${name}() {`,
    `  local at='' before="\${COMP_WORDS[COMP_CWORD-1]}" current="\${COMP_WORDS[COMP_CWORD]}" list='' word`,
    `  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case "$at $word" in`,
    `      ${paths.join('|')}) at="$at $word" ;;`,
    `    esac`,
    `  done`,
    `  ${name}_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }`,
    `  ${name}_files() { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")); }`,
    `  ${name}_nothing() { COMPREPLY=(); }`,
    ...body,
    `  ${name}_words "$list"`,
    `}`,
    `complete -o bashdefault -o default -F ${name} ${program}`,
  ];
}

function zsh(program: string, name: string, paths: readonly string[], body: readonly string[]): string[] {
  return [
    `#compdef ${program}`,
    `# zsh completion for ${program}: put it as ${name} into a folder of $fpath, or source it.`,
    `${name}() {`,
    `  local at='' before="\${words[CURRENT-1]}" list='' word`,
    `  for word in "\${(@)words[2,CURRENT-1]}"; do`,
    `    case "$at $word" in`,
    `      (${paths.join('|')}) at="$at $word" ;;`,
    `    esac`,
    `  done`,
    `  ${name}_words() { compadd -- \${(s: :)1} }`,
    `  ${name}_files() { _files }`,
    `  ${name}_nothing() { : }`,
    ...body,
    `  compadd -- \${(s: :)list}`,
    `  _files`,
    `}`,
    `compdef ${name} ${program}`,
  ];
}

/** fish: one line a word, with the condition under which it is offered. */
function fish(program: string, nodes: readonly CompletionNode[]): string {
  const lines = [`# fish completion for ${program}: put it into ~/.config/fish/completions/${program}.fish.`];
  for (const node of nodes) {
    const when = quoted(condition(node));
    const line = (rest: string): number => lines.push(`complete -c ${program} -n ${when} ${rest}`);
    if (node.children.length > 0) line('-f');
    for (const child of node.children) line(`-a ${child.path.at(-1) ?? ''} -d ${quoted(child.meaning)}`);
    if (node.words !== undefined) line(`-f -a ${quoted(node.words.join(' '))}`);
    for (const { names, value, meaning } of node.options) {
      const spelled = names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      line(`${spelled.join(' ')} ${fishValue(value)}-d ${quoted(meaning)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishValue(value: CompletionOption['value']): string {
  if (value === 'none') return '';
  if (value === 'file') return '-r -F ';
  return value === 'any' ? '-x ' : `-x -a ${quoted(value.join(' '))} `;
}

/** True where the words so far lead to a node and to none below it. */
function condition({ path, children }: CompletionNode): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const names = children.map((child) => child.path.at(-1) ?? '');
  const below = names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(' ')}`];
  return [...seen, ...below].join('; and ') || 'true';
}
