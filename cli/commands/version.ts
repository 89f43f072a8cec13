import { Command } from 'commander';
import { withUiOptions } from '../bundle/options.js';
import { uiOf, type UiFlags } from '../bundle/ui.js';
import { isCalledImgpkg } from '../compat.js';
import type { Context } from '../context.js';
import { VERSION } from '../version.js';

/** `ocilot version`. Alone it never comes here: `main.ts` answers it. */
export function versionCommand(context: Context): Command {
  return withUiOptions(new Command('version')).action((flags: UiFlags) => {
    const ui = uiOf(context, flags);
    ui.block(`${isCalledImgpkg(context.env) ? 'imgpkg' : 'ocilot'} version ${VERSION}\n`);
    ui.done();
  });
}
