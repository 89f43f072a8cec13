import { Command } from 'commander';
import type { Credentials, Finding } from '../../client/index.js';
import { printable } from '../../oci/index.js';
import { withCredentialOptions, type ClientFlags } from '../client-options.js';
import { keychainOptions } from '../client-session.js';
import type { Context } from '../context.js';
import { withExamples } from '../help.js';
import { interruptible } from '../interrupt.js';
import { formatTarget, parseTarget } from '../registry-target.js';
import { outputOption, printReport, type WorkFlags } from '../work.js';

/** `ocilot auth`: what this machine knows about credentials. */
export function authCommand(context: Context): Command {
  return new Command('auth').addCommand(explainCommand(context));
}

function explainCommand(context: Context): Command {
  const command = new Command('explain')
    .description('show where credentials are looked for, and which are used')
    .argument('<registry>', 'host[:port], perhaps with a repository');
  withCredentialOptions(command).addOption(outputOption());
  withExamples(command, [
    ['ocilot auth explain registry.example/team/app', 'every place that is looked at, and what won'],
    ['ocilot auth explain gcr.io -o json', 'for a script; secrets are never shown'],
  ]);
  return command.action(async (place: string, flags: ClientFlags & WorkFlags) => {
    const target = await parseTarget(place);
    const library = await import('../../client/index.js');
    const keychain = library.defaultKeychain(keychainOptions(flags, context));
    const findings: Finding[] = [];
    let found: Credentials | undefined;
    try {
      found = await interruptible((signal) =>
        keychain.resolve(target, { signal, onFinding: (finding) => findings.push(finding) }),
      );
    } catch (error) {
      // What was looked at before tells where the failure stands.
      context.err.write(findings.map((finding) => `${lineOf(finding)}\n`).join(''));
      throw error;
    }
    const credentials = found === undefined ? null : library.describeCredentials(found);
    const report = { target: formatTarget(target), credentials, findings };
    printReport(context, flags.output, report, [
      ...findings.map(lineOf),
      `${report.target}: ${printable(credentials ?? 'no credentials')}`,
    ]);
  });
}

const lineOf = ({ place, outcome, about }: Finding): string =>
  `${outcome.padEnd(6)} ${printable(place)}: ${printable(about)}`;
