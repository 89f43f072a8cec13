import { randomInt } from 'node:crypto';
import type { Destination, OpenRepository, Place, Places } from '../../bundle/index.js';
import { withClient, type Session } from '../client-session.js';
import type { Context } from '../context.js';
import { progressView, type ProgressView } from '../progress.js';
import type { VerbFlags } from './options.js';
import { uiOf, type Ui } from './ui.js';

/** What a verb works with. */
export interface Work extends Pick<Session, 'signal'> {
  /** The repository of a reference. Throws OciError `NAME_INVALID`. */
  readonly repository: OpenRepository;
  readonly ui: Ui;
  readonly places: Places;
  readonly progress: ProgressView;
  /** Opens a repository to write to. Uploads that are cut are gone on with, in later runs too. */
  readonly sink: (place: Place) => Promise<Destination & { readonly place: Place }>;
}

/** One number for all requests of a process, as imgpkg sends it: logs of a registry show by it what belongs together. */
const SESSION = { 'imgpkg-session-id': String(randomInt(2 ** 47)) };

interface WorkOptions {
  /** Whether a person is told at the end that all went well. */
  readonly close?: boolean;
  /** What a command names that also follows what it finds in bundles: given credentials go to no other registries. */
  readonly named?: readonly Place[];
}

/** Does the work of one of imgpkg's verbs. Throws what the work throws. */
export async function withWork(
  context: Context,
  flags: VerbFlags,
  work: (work: Work) => Promise<void>,
  { close = false, named }: WorkOptions = {},
): Promise<void> {
  const ui = uiOf(context, flags);
  const progress = progressView(context, flags);
  const inSession = async (session: Session): Promise<void> => {
    const { signal } = session;
    const library = await import('../../bundle/index.js');
    const repository: OpenRepository = (place) => session.repository(place);
    const sink: Work['sink'] = async (place) => {
      const { journalFolder, openJournal, remoteSink } = await import('../../client/index.js');
      const onNotice = (notice: string): void => ui.notice(notice);
      const opened = repository(place);
      const journal = openJournal({ folder: journalFolder(context.env), onNotice });
      return {
        repository: opened,
        sink: remoteSink(opened, { combine: true, journal, onNotice, retry: session.retry }),
        place,
      };
    };
    try {
      await work({ ui, places: new library.Places(repository), progress, repository, signal, sink });
    } finally {
      progress.end();
    }
  };
  await withClient(context, flags, inSession, { headers: SESSION, ...(named && { givenFor: named }) });
  ui.done({ close });
}
