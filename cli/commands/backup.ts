import { randomBytes } from 'node:crypto';
import { cp, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { OciError } from '../../oci/index.js';
import type { BackupReport } from '../../registry/index.js';
import { isArchiveName, packFolder } from '../backup-archive.js';
import type { Context } from '../context.js';
import { existingDataFolder } from '../data-folder.js';
import { withExamples } from '../help.js';
import { showSize } from '../values/size.js';
import { dataOption, outputOption, printReport, runWork, type Work, type WorkFlags } from '../work.js';

/** What else lies in a data folder and belongs to the registry: users, and certificates made for it. */
const BESIDES = ['htpasswd', 'tls'];

/** `ocilot backup`. */
export function backupCommand(context: Context): Command {
  const command = new Command('backup')
    .argument('<target>', 'new folder, or new file that ends in .tar, .tar.gz or .tgz')
    .addOption(dataOption())
    .addOption(outputOption());
  withExamples(command, [
    ['ocilot backup /mnt/backup/monday', 'copy everything, while it is served or not'],
    ['ocilot backup registry.tar --data /srv/registry', 'into one file'],
    ['ocilot serve --data /mnt/backup/monday', 'a copy is a data folder: serve it, or copy it back'],
  ]);
  return command.action(async (target: string, { data, output }: WorkFlags) => {
    const path = resolve(target);
    await requireNew(path);
    const folder = existingDataFolder(data, context.env);
    const report = isArchiveName(path)
      ? await backupToFile(folder, path, context)
      : await backupToFolder(folder, path, context);
    const { records, blobs, bytes } = report;
    printReport(context, output, { target: path, ...report }, [
      `copied ${records} records and ${blobs} large blobs (${showSize(bytes)}) to ${target}`,
    ]);
  });
}

async function requireNew(path: string): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  if (present === undefined || (present.isDirectory() && !isArchiveName(path))) return;
  throw new OciError('INVALID_OPTION', `${path} is there already: a backup does not replace anything`);
}

async function backupToFolder(folder: string, target: string, context: Context): Promise<BackupReport> {
  const report = (await runWork(backupWork(target), folder, context)) as BackupReport;
  for (const name of BESIDES) {
    const from = join(folder, name);
    if ((await stat(from).catch(() => undefined)) !== undefined)
      await cp(from, join(target, name), { recursive: true, preserveTimestamps: true });
  }
  return report;
}

async function backupToFile(folder: string, file: string, context: Context): Promise<BackupReport> {
  const place = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    const report = await backupToFolder(folder, place, context);
    await packFolder(place, file);
    return report;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

const backupWork = (folder: string): Work => ({
  path: 'backup',
  query: { folder },
  job: async (store) => (await import('../../registry/operations/maintenance.js')).backupJob(store, folder),
  progress(state) {
    const { records = 0, bytes = 0 } = state as Partial<BackupReport>;
    return records === 0 ? '' : `${records} records, ${showSize(bytes)}`;
  },
});
