# The built-in sample, called with SRC DST: lists check sum, size and name of each downloaded file in an attachment.
set -eu
count=0
cd "$1/downloads"
for file in *; do
    [ -f "$file" ] || continue
    cksum "$file" >> "$2/uploads/files.txt"
    count=$((count + 1))
done
echo "Files listed: $count"
