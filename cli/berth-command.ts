// SPDX-License-Identifier: MIT
import { Command, type Option } from "commander";

/** What commander calls for itself, which its types leave out. */
interface Hooks {
  missingMandatoryOptionValue(option: Option): void;
  unknownOption(flag: string): void;
}

const HOOKS = Command.prototype as unknown as Hooks;

/** A command of `berth`: an option that it does not know is told before one that is missing, which it may be meant for. */
export class BerthCommand extends Command {
  override createCommand(name?: string): Command {
    return new BerthCommand(name);
  }

  missingMandatoryOptionValue(option: Option): void {
    const unknown = this.args.find((word) => word.startsWith("-") && word !== "-" && word !== "--");
    if (unknown !== undefined) HOOKS.unknownOption.call(this, unknown);
    HOOKS.missingMandatoryOptionValue.call(this, option);
  }
}
