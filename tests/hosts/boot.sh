# Process 1 of a host, in namespaces of its own: lays out the file system, then becomes sshd.
#   sh boot.sh NAME FOLDER KEEP HIDE
# FOLDER: the host's files; KEEP: a folder that it sees although it lies where others are covered; HIDE: one that it does not.
set -e
name=$1 folder=$2 keep=$3 hide=$4
hostname "$name"
# The file system's /proc is still that of the world outside: so is the number.
read -r outside _ </proc/self/stat

mount -t tmpfs -o mode=755 run /run
mkdir /run/host /run/keep /run/sshd
mount --bind "$folder" /run/host
mount --bind "$keep" /run/keep
for part in root home tmp var/tmp; do
  mount --bind "/run/host/$part" "/$part"
done
mount -t tmpfs -o mode=1777 shm /dev/shm
if [ -d "$hide" ]; then
  mount -t tmpfs -o mode=755 hidden "$hide"
fi
if [ ! -d "$keep/lib" ]; then
  mkdir -p "$keep"
  mount --bind /run/keep "$keep"
fi
for file in passwd group shadow hosts ssh; do
  mount --bind "/run/host/etc/$file" "/etc/$file"
done
mount -t proc proc /proc
cd /
echo "$outside" >/run/host/init
umount -l /run/host
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
