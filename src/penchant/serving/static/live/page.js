/** The live page: act, and see interests and slate move. */

import { html, useWatched } from "../html.js";
import { History } from "./history.js";
import { Interests } from "./interests.js";
import { Person } from "./person.js";
import { Search } from "./search.js";
import { Slate } from "./slate.js";
import { Timeline } from "./timeline.js";

/** What one does, what one wants, what one gets: three columns, one under the other on a phone. */
export function Live({ session }) {
  const { ready } = useWatched(session);
  return html`<div class="live" aria-busy=${!ready}>
    <div class="column does"><${Person} session=${session} /><${Search} session=${session} /></div>
    <div class="column wants"><${Interests} session=${session} /><${Timeline} session=${session} /></div>
    <div class="column gets"><${Slate} session=${session} /></div>
    <div class="column did"><${History} session=${session} /></div>
  </div>`;
}
