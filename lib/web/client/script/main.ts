/* What pages do beyond links and forms. */
import { isBusy } from './busy.js';
import { watchKeys } from './keys.js';
import { Live } from './live.js';
import { showSelection, watchSelection } from './selection.js';
import { compareClocks, watchTimes } from './times.js';

// What was just done is on the page. It must not be told again when the page is loaded again.
const address = new URL(location.href);
if (address.searchParams.has('did')) {
  for (const name of ['did', 'n', 'left', 'more']) address.searchParams.delete(name);
  history.replaceState(history.state, '', address);
}
watchSelection();
watchKeys();
watchTimes();
new Live({ isBusy, onAnswer: compareClocks, onChange: showSelection }).start();
