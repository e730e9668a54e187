#!/bin/bash
# A key stream between two applications over /api/v1/streams, with curl. With `npm start` running beside it:
#   bash examples/etsi004/stream.sh
set -euo pipefail
STATE=${QKD_STATE:-.qkd}
EDGE=$(sed -n 's/.*"edge": "\(.*\)".*/\1/p' "$STATE/ports.json")

# The token reaches curl through a pipe, where `ps` does not show it.
bearer() { sed -n "s/.*\"$1\": \"\(.*\)\".*/Authorization: Bearer \1/p" "$STATE/tokens.json"; }
call() { bearer "$1" | curl -sS --fail-with-body -H @- -d "$3" "$EDGE/api/v1/streams$2"; }
member() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }

# OPEN_CONNECT: sae-a has a stream allocated; sae-c joins it by its ID.
KSID=$(call sae-a "" '{"destination":"sae-c","QOS":{"Key_chunk_size":32}}' | member key_stream_ID)
call sae-c "" "{\"destination\":\"sae-a\",\"key_stream_ID\":\"$KSID\"}" >/dev/null
echo "stream $KSID"

# GET_KEY: the same index, the same bytes.
for INDEX in 0 1 2; do
  OURS=$(call sae-a "/$KSID/get_key" "{\"index\":$INDEX}" | member Key_buffer)
  THEIRS=$(call sae-c "/$KSID/get_key" "{\"index\":$INDEX}" | member Key_buffer)
  [ "$OURS" = "$THEIRS" ] && echo "chunk $INDEX equal" || echo "chunk $INDEX UNEQUAL"
done

# CLOSE, each for itself.
call sae-a "/$KSID/close" '{}' >/dev/null
call sae-c "/$KSID/close" '{}' >/dev/null
