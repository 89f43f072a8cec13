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

/** Does the work of one of imgpkg's verbs. Throws what the work throws. */
export async function withWork(
  context: Context,
  flags: VerbFlags,
  work: (work: Work) => Promise<void>,
  { close = false }: { readonly close?: boolean } = {},
): Promise<void> {
  const ui = uiOf(context, flags);
  const progress = progressView(context, flags);
  await withClient(context, flags, async (session) => {
    const { signal } = session;
    const library = await import('../../bundle/index.js');
    const repository: OpenRepository = (place) => session.repository(place);
    const sink: Work['sink'] = async (place) => {
      const { journalFolder, openJournal, remoteSink } = await import('../../client/index.js');
      const onNotice = (notice: string): void => ui.notice(notice);
      const opened = repository(place);
      const journal = openJournal({ folder: journalFolder(context.env), onNotice });
      return { repository: opened, sink: remoteSink(opened, { combine: true, journal, onNotice }), place };
    };
    try {
      await work({ ui, places: new library.Places(repository), progress, repository, signal, sink });
    } finally {
      progress.end();
    }
  });
  ui.done({ close });
}
