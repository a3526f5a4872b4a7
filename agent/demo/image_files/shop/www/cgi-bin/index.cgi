#!/bin/sh
orders="$(wget -q -T 2 -O - "http://shop:$DB_PASSWORD@$DB_HOST:5433/cgi-bin/orders" 2>/dev/null)" || orders=unknown
printf 'Content-Type: text/html; charset=utf-8\r\n\r\n'
cat <<PAGE
<!doctype html><meta charset="utf-8"><title>Lindgren Books</title>
<body style="font-family: system-ui; max-width: 36rem; margin: 4rem auto">
<h1>Lindgren Books</h1>
<p>$GREETING</p>
<p>Version <b>$(cat /app/version)</b>, orders so far: <b>$orders</b>.</p>
PAGE
