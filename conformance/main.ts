import { runCommand } from './command.js';

const stop = new AbortController();
const interrupted = new Error('interrupted');
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stop.abort(interrupted);
  });
}

try {
  process.exitCode = await runCommand(process.argv.slice(2), {
    env: process.env,
    isTerminal: process.stdout.isTTY,
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
    signal: stop.signal,
  });
} catch (error) {
  if (error !== interrupted) throw error;
  process.stderr.write('conformance: interrupted\n');
  process.exitCode = 130;
}
