import { Argument, Command } from 'commander';
import { SHELLS, completionScript, type Shell } from '../completion-scripts.js';
import { completionTree } from '../completion-tree.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';

/** `ocilot completion`. */
export function completionCommand(context: Context): Command {
  const command = new Command('completion').addArgument(new Argument('<shell>').choices(SHELLS));
  withExamples(command, [
    ['source <(ocilot completion bash)', 'in this shell, or in ~/.bashrc'],
    ['ocilot completion zsh > "${fpath[1]}/_ocilot"', 'for zsh'],
    ['ocilot completion fish > ~/.config/fish/completions/ocilot.fish', 'for fish'],
  ]);
  return command.action(async (shell: Shell) => {
    // Here and not above: the tree holds this command too.
    const { buildProgram } = await import('../program.js');
    const tree = completionTree(await buildProgram(context));
    context.out.write(completionScript(shell, 'ocilot', tree));
  });
}
