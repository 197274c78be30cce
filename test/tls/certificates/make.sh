#!/bin/sh
# Makes the certificates of the tests anew, valid from 2020 to 2120 (one excepted): an authority, what
# it signed, and one that nobody signed. Needs OpenSSL 3.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: > "$work/index"
cat > "$work/ca.conf" <<CONF
[ca]
default_ca = default
[default]
database = $work/index
new_certs_dir = $work
default_md = sha256
policy = policy
rand_serial = yes
unique_subject = no
[policy]
commonName = supplied
CONF

# certificate NAME SUBJECT EXTENSIONS [UNTIL [SIGNER]]; without a signer it signs itself
certificate() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key.pem"
  openssl req -new -key "$1.key.pem" -subj "/CN=$2" -out "$work/request"
  printf '%s\n' "$3" > "$work/extensions"
  if [ -n "${5:-}" ]; then
    signer="-cert $5.pem -keyfile $5.key.pem"
  else
    signer="-selfsign -keyfile $1.key.pem"
  fi
  # shellcheck disable=SC2086
  openssl ca -batch -notext -config "$work/ca.conf" -in "$work/request" $signer \
    -startdate 20200101000000Z -enddate "${4:-21200101000000Z}" -extfile "$work/extensions" \
    -out "$1.pem" 2> /dev/null
}

names='subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
always=21200101000000Z
certificate authority 'Gyre test authority' 'basicConstraints=critical,CA:TRUE'
certificate stranger localhost "$names"
certificate server localhost "$names" $always authority
certificate other other.example 'subjectAltName=DNS:other.example' $always authority
certificate client 'a client' 'extendedKeyUsage=clientAuth' $always authority
certificate expired localhost "$names" 20200201000000Z authority
