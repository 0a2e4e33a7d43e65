import type { Command } from 'commander';
import { defaultQueueFile } from '../default-queue.js';
import { readHeartbeat } from '../file/disk/heartbeat.js';
import { Store } from '../file/store.js';
import { durationText, queuePath } from '../job/checks.js';
import { resolveQueueOptions } from '../job/queue-options.js';
import { queueOptionsFrom } from '../job/queue-settings.js';
import { overStore } from '../open-queue.js';
import type { Queue } from '../queue.js';
import { notFound } from './exit.js';
import { Output } from './output.js';

/** The options that every command takes, before or after its name. */
export interface GlobalOptions {
  file?: string;
  json?: boolean;
  plain?: boolean;
  lockTimeout?: string;
  anyFileSystem?: boolean;
}

/** The exports of a command's module. */
export interface CommandModule {
  /** Gives the command its arguments, options, help and action. */
  define(command: Command, cli: Cli): void;
}

/** The queue that the options name and the output, for every command. */
export class Cli {
  readonly #options: () => GlobalOptions;
  #store: Store | undefined;

  /** Loads all commands, for one that describes them. */
  readonly program: () => Promise<Command>;

  /** @param options called only when a command runs, because options may follow the command's name */
  constructor(options: () => GlobalOptions, program: () => Promise<Command>) {
    this.#options = options;
    this.program = program;
  }

  get options(): GlobalOptions {
    return this.#options();
  }

  get output(): Output {
    const { json, plain } = this.options;
    return new Output(json ? 'json' : plain ? 'plain' : 'human');
  }

  /** The named or default queue file. @throws TsvqError `NO_QUEUE_FILE`, `INVALID_ARGUMENT` */
  get file(): string {
    const { file } = this.options;
    return file === undefined ? defaultQueueFile() : queuePath('--file', file);
  }

  /** The queue's store, with or without a file. */
  get store(): Store {
    if (this.#store === undefined) {
      const { lockTimeout, anyFileSystem } = this.options;
      const options = resolveQueueOptions({
        ...queueOptionsFrom(process.env),
        ...(anyFileSystem !== undefined && { anyFileSystem }),
        ...(lockTimeout !== undefined && { lockTimeout: durationText('--lock-timeout', lockTimeout) }),
      });
      this.#store = new Store(this.file, options);
    }
    return this.#store;
  }

  /** The store of a file that exists or has a heartbeat. Otherwise it throws, so that a mistyped path is an error. */
  get existingStore(): Store {
    const { store } = this;
    if (!store.exists && readHeartbeat(store.fs, store.realPath) === undefined) {
      throw notFound(`there is no queue file at ${store.path} (queue add and queue schedule add make it)`);
    }
    return store;
  }

  /** The queue of an existing file. */
  get queue(): Queue {
    return overStore(this.existingStore);
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}
